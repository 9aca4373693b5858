package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sort"
	"time"
)

// As an exporter batches: so many spans, or what there is after so long.
const (
	batchSpans = 720
	batchWait  = 200 * time.Millisecond
)

// A prepared file: for each request the nanoseconds after the first span ends (8 bytes, little-endian), its length (4),
// its bytes.
func prepare(arguments []string) error {
	if len(arguments) != 2 {
		return errors.New("prepare FILE OUT")
	}
	generated, err := os.ReadFile(arguments[0])
	if err != nil {
		return err
	}
	spans, err := readGenerated(generated)
	if err != nil {
		return fmt.Errorf("%s: %w", arguments[0], err)
	}
	sort.SliceStable(spans, func(i, j int) bool { return spans[i].end < spans[j].end })
	file, err := os.Create(arguments[1])
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(file, 1<<20)
	for first := 0; first < len(spans); {
		last := first + 1
		for last < len(spans) && last-first < batchSpans && spans[last].end-spans[first].end < uint64(batchWait) {
			last++
		}
		request := encode(spans[first:last])
		out.Write(binary.LittleEndian.AppendUint64(nil, spans[last-1].end-spans[0].end))
		out.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(request))))
		out.Write(request)
		first = last
	}
	return errors.Join(out.Flush(), file.Close())
}

// readGenerated reads requests, each behind its length as a varint.
func readGenerated(file []byte) ([]placed, error) {
	var spans []placed
	for len(file) > 0 {
		length, size := binary.Uvarint(file)
		if size <= 0 || length > uint64(len(file)-size) {
			return nil, errMalformed
		}
		if err := spansOf(file[size:size+int(length)], func(one placed) { spans = append(spans, one) }); err != nil {
			return nil, err
		}
		file = file[size+int(length):]
	}
	return spans, nil
}

// encode puts spans of one resource and scope together, in the order in which these come first.
func encode(spans []placed) []byte {
	type place struct{ resource, scope string }
	var resources []string
	scopes := map[string][]string{}
	under := map[place][]placed{}
	for _, one := range spans {
		at := place{string(one.resource), string(one.scope)}
		if scopes[at.resource] == nil {
			resources = append(resources, at.resource)
		}
		if under[at] == nil {
			scopes[at.resource] = append(scopes[at.resource], at.scope)
		}
		under[at] = append(under[at], one)
	}
	var request []byte
	for _, resource := range resources {
		resourceSpans := appendMessage(nil, 1, []byte(resource))
		for _, scope := range scopes[resource] {
			scopeSpans := appendMessage(nil, 1, []byte(scope))
			for _, one := range under[place{resource, scope}] {
				scopeSpans = appendMessage(scopeSpans, 2, one.span)
			}
			resourceSpans = appendMessage(resourceSpans, 2, scopeSpans)
		}
		request = appendMessage(request, 1, resourceSpans)
	}
	return request
}
