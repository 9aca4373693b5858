// What both contenders of bench/sampling_bench.py are fed with, and where what they keep ends up: the same bytes in the
// same order for each of them.
//
//	replay prepare FILE OUT          requests of `backstitch gen --out FILE` anew: each span goes when it ends
//	replay send OUT ADDRESS [flags]  sends them, at their own pace or as fast as they are taken
//	replay sink ADDRESS WEB          takes OTLP, counts the spans of each trace, tells them on http://WEB
package main

import (
	"fmt"
	"os"
)

func main() {
	verbs := map[string]func([]string) error{"prepare": prepare, "send": send, "sink": sink}
	if len(os.Args) < 2 || verbs[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: replay prepare FILE OUT | send OUT ADDRESS [flags] | sink ADDRESS WEB")
		os.Exit(2)
	}
	if err := verbs[os.Args[1]](os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "replay:", err)
		os.Exit(1)
	}
}
