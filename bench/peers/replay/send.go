package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

const export = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"

// bytesCodec passes messages through as they are.
type bytesCodec struct{}

func (bytesCodec) Marshal(message any) ([]byte, error) { return *message.(*[]byte), nil }
func (bytesCodec) Unmarshal(data []byte, message any) error {
	*message.(*[]byte) = append([]byte(nil), data...)
	return nil
}
func (bytesCodec) Name() string { return "proto" }

type timed struct {
	after time.Duration
	bytes []byte
}

func readPrepared(path string) ([]timed, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	in := bufio.NewReaderSize(file, 1<<20)
	var requests []timed
	for {
		var head [12]byte
		if _, err := io.ReadFull(in, head[:]); errors.Is(err, io.EOF) {
			return requests, nil
		} else if err != nil {
			return nil, err
		}
		request := make([]byte, binary.LittleEndian.Uint32(head[8:]))
		if _, err := io.ReadFull(in, request); err != nil {
			return nil, err
		}
		requests = append(requests, timed{time.Duration(binary.LittleEndian.Uint64(head[:])), request})
	}
}

// told is what send says on standard output, as JSON.
type told struct {
	Seconds      float64 `json:"seconds"`
	Requests     int64   `json:"requests"`
	Acknowledged int64   `json:"acknowledged_spans"`
	Refused      int64   `json:"refused"` // and tried again
	Failed       int64   `json:"failed"`  // requests that were given up
	LateMs       float64 `json:"late_ms"` // how long after its time a request went, at most, where they have a pace
}

func send(arguments []string) error {
	flags := flag.NewFlagSet("send", flag.ContinueOnError)
	pace := flags.Bool("pace", false, "each request when its time comes, instead of as fast as they are taken")
	senders := flags.Int("senders", 4, "requests under way at once")
	until := flags.Duration("until", 0, "stop after so much of the data's own time; 0: all")
	acknowledged := flags.String("acknowledged", "", "file to write the spans of each trace to that were acknowledged")
	if len(arguments) < 2 {
		return errors.New("send OUT ADDRESS [flags]")
	}
	if err := flags.Parse(arguments[2:]); err != nil {
		return err
	}
	requests, err := readPrepared(arguments[0])
	if err != nil {
		return err
	}
	for *until > 0 && len(requests) > 0 && requests[len(requests)-1].after >= *until {
		requests = requests[:len(requests)-1]
	}
	run := &sending{requests: requests, pace: *pace, done: make([]atomic.Bool, len(requests)), start: time.Now()}
	var senderGroup sync.WaitGroup
	for range *senders {
		connection, err := grpc.NewClient(arguments[1], grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithDefaultCallOptions(grpc.ForceCodec(bytesCodec{})))
		if err != nil {
			return err
		}
		defer connection.Close()
		senderGroup.Go(func() { run.work(connection) })
	}
	senderGroup.Wait()
	run.told.Seconds = time.Since(run.start).Seconds()
	spans, err := run.count()
	if err != nil {
		return err
	}
	if *acknowledged != "" {
		if err := writeCounts(*acknowledged, spans); err != nil {
			return err
		}
	}
	return json.NewEncoder(os.Stdout).Encode(&run.told)
}

type sending struct {
	requests []timed
	pace     bool
	next     atomic.Int64
	done     []atomic.Bool // acknowledged
	start    time.Time
	gone     atomic.Bool // the server is
	mutex    sync.Mutex
	told     told
}

func (s *sending) work(connection *grpc.ClientConn) {
	for {
		i := int(s.next.Add(1)) - 1
		if i >= len(s.requests) || s.gone.Load() {
			return
		}
		late := time.Duration(0)
		if s.pace {
			due := s.start.Add(s.requests[i].after)
			time.Sleep(time.Until(due))
			late = time.Since(due)
		}
		refused, err := s.deliver(connection, i)
		s.mutex.Lock()
		s.told.Refused += refused
		s.told.LateMs = max(s.told.LateMs, float64(late.Microseconds())/1000)
		if err != nil {
			s.told.Failed++
		} else {
			s.told.Requests++
		}
		s.mutex.Unlock()
		if err != nil {
			fmt.Fprintln(os.Stderr, "replay:", err)
			s.gone.Store(true)
		}
	}
}

// deliver tries again what is refused for now, as long as the server is there.
func (s *sending) deliver(connection *grpc.ClientConn, i int) (refused int64, err error) {
	for {
		var answer []byte
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		err = connection.Invoke(ctx, export, &s.requests[i].bytes, &answer)
		cancel()
		if err == nil {
			s.done[i].Store(true)
			return refused, nil
		}
		code := status.Code(err)
		// With details: RetryInfo. Without: the connection broke.
		again := code == codes.ResourceExhausted || code == codes.Unavailable && len(status.Convert(err).Details()) > 0
		if !again {
			return refused, err
		}
		refused++
		time.Sleep(20 * time.Millisecond)
	}
}

// count tells the spans of each trace that were acknowledged.
func (s *sending) count() (map[[16]byte]int, error) {
	spans := map[[16]byte]int{}
	for i := range s.requests {
		if !s.done[i].Load() {
			continue
		}
		if err := spansOf(s.requests[i].bytes, func(one placed) {
			spans[one.trace]++
			s.told.Acknowledged++
		}); err != nil {
			return nil, err
		}
	}
	return spans, nil
}

func writeCounts(path string, spans map[[16]byte]int) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(file)
	for trace, count := range spans {
		fmt.Fprintln(out, text(trace), count)
	}
	return errors.Join(out.Flush(), file.Close())
}
