package golden

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

var folder = flag.String("folder", "../../../tests/golden/tail_sampling", "where traces and cases are")

// The processor takes the traces of one tick in the order of a Go map: a different one each time. What differs between
// runs is told as "so many of these"; where anything does, there are enough runs to see all that can.
const (
	runs     = 12
	moreRuns = 400
)

// TestDecisions writes NAME.kept beside every NAME.yaml.
func TestDecisions(t *testing.T) {
	cases, err := filepath.Glob(filepath.Join(*folder, "*.yaml"))
	if err != nil || len(cases) == 0 {
		t.Fatal("no cases", err)
	}
	for _, path := range cases {
		name := strings.TrimSuffix(filepath.Base(path), ".yaml")
		yaml, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		first, _, _ := strings.Cut(string(yaml), "\n")
		traces, ok := strings.CutPrefix(first, "# traces: ")
		if !ok {
			t.Fatalf("%s: the first line is not \"# traces: NAME\"", path)
		}
		arrivals := readArrivals(t, filepath.Join(*folder, "traces", traces+".otlp"))
		var outcomes []outcome
		for range runs {
			outcomes = append(outcomes, drive(t, string(yaml), arrivals))
		}
		for len(outcomes) < moreRuns && anyDiffers(outcomes) {
			outcomes = append(outcomes, drive(t, string(yaml), arrivals))
		}
		text := tell(t, name, outcomes)
		if err := os.WriteFile(filepath.Join(*folder, name+".kept"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// undecided are traces of one tick of which the same number is kept each time, but not the same ones.
type undecided struct {
	ids  []pcommon.TraceID
	kept int
}

func tell(t *testing.T, name string, outcomes []outcome) string {
	t.Helper()
	var text strings.Builder
	anys := map[int64]*undecided{}
	var ticks []int64
	for _, id := range allIDs(outcomes) {
		if differs(id, outcomes) {
			if len(outcomes[0].decisions[id]) != 1 {
				t.Fatalf("%s: whether %s is decided at all is left to chance", name, id)
			}
			tick := outcomes[0].decisions[id][0].atMs
			if anys[tick] == nil {
				anys[tick] = &undecided{kept: keptAt(tick, outcomes[0], outcomes)}
				ticks = append(ticks, tick)
			}
			anys[tick].ids = append(anys[tick].ids, id)
			continue
		}
		for _, one := range outcomes[0].decisions[id] {
			if one.verdict != "not" {
				fmt.Fprintf(&text, "%s %s %d %d %d %s\n", one.verdict, id, one.spans, one.bytes, one.atMs, one.policy)
			}
		}
		if spans := outcomes[0].late[id]; spans > 0 {
			fmt.Fprintf(&text, "late %s %d %d\n", id, spans, outcomes[0].atLate[id])
		}
	}
	slices.Sort(ticks)
	for _, tick := range ticks {
		for _, other := range outcomes[1:] {
			if kept := keptAt(tick, other, outcomes); kept != anys[tick].kept {
				t.Errorf("%s: at %d ms %d of its traces were kept, then %d", name, tick, anys[tick].kept, kept)
			}
		}
		fmt.Fprintf(&text, "any %d %d", tick, anys[tick].kept)
		for _, id := range anys[tick].ids {
			fmt.Fprintf(&text, " %s", id)
		}
		text.WriteString("\n")
	}
	return text.String()
}

func allIDs(outcomes []outcome) []pcommon.TraceID {
	all := map[pcommon.TraceID]bool{}
	for _, one := range outcomes {
		for id := range one.decisions {
			all[id] = true
		}
	}
	return sortedIDs(all)
}

func differs(id pcommon.TraceID, outcomes []outcome) bool {
	for _, other := range outcomes[1:] {
		if !reflect.DeepEqual(other.decisions[id], outcomes[0].decisions[id]) {
			return true
		}
	}
	return false
}

func anyDiffers(outcomes []outcome) bool {
	return slices.ContainsFunc(allIDs(outcomes), func(id pcommon.TraceID) bool { return differs(id, outcomes) })
}

// keptAt counts those traces of a tick that `in` keeps and not every run does.
func keptAt(tick int64, in outcome, outcomes []outcome) int {
	kept := 0
	for id, all := range in.decisions {
		if all[0].atMs == tick && all[0].verdict == "kept" && differs(id, outcomes) {
			kept++
		}
	}
	return kept
}
