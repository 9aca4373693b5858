package main

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"

	"google.golang.org/grpc"
	_ "google.golang.org/grpc/encoding/gzip" // what the Collector exports with
)

// kept counts the spans of each trace that came.
type kept struct {
	mutex sync.Mutex
	spans map[[16]byte]int
	total int
}

func (k *kept) take(stream grpc.ServerStream) error {
	var request []byte
	if err := stream.RecvMsg(&request); err != nil {
		return err
	}
	k.mutex.Lock()
	err := spansOf(request, func(one placed) {
		k.spans[one.trace]++
		k.total++
	})
	k.mutex.Unlock()
	if err != nil {
		return err
	}
	return stream.SendMsg(&[]byte{})
}

// sink serves until it is killed: OTLP on ADDRESS; on WEB how many spans came (/spans) and the traces (/traces: lines
// of an id and a count).
func sink(arguments []string) error {
	if len(arguments) != 2 {
		return errors.New("sink ADDRESS WEB")
	}
	all := &kept{spans: map[[16]byte]int{}}
	http.HandleFunc("/spans", func(answer http.ResponseWriter, _ *http.Request) {
		all.mutex.Lock()
		defer all.mutex.Unlock()
		fmt.Fprintln(answer, all.total)
	})
	http.HandleFunc("/traces", func(answer http.ResponseWriter, _ *http.Request) {
		all.mutex.Lock()
		defer all.mutex.Unlock()
		out := bufio.NewWriter(answer)
		for trace, count := range all.spans {
			fmt.Fprintln(out, text(trace), count)
		}
		out.Flush()
	})
	listener, err := net.Listen("tcp", arguments[0])
	if err != nil {
		return err
	}
	web, err := net.Listen("tcp", arguments[1])
	if err != nil {
		return err
	}
	server := grpc.NewServer(grpc.ForceServerCodec(bytesCodec{}), grpc.MaxRecvMsgSize(1<<30),
		grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error { return all.take(stream) }))
	failed := make(chan error, 2)
	go func() { failed <- server.Serve(listener) }()
	go func() { failed <- http.Serve(web, nil) }()
	return <-failed
}
