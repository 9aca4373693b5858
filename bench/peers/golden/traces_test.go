package golden

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

const epoch = 1_700_000_000_000_000_000 // of every span: in November 2023

// span is one to be written; what is left out is left out of the OTLP too. Traces are told apart by a name; the id is a
// hash of it, and each span is called after its trace.
type span struct {
	trace      string
	root       bool
	start      time.Duration // after the epoch; noTime: 0 in the OTLP
	duration   time.Duration
	status     ptrace.StatusCode
	kind       ptrace.SpanKind
	name       string
	attributes map[string]any
	resource   map[string]any
	scope      string
	state      string
	flags      uint32
	events     []event
}

type event struct {
	name       string
	attributes map[string]any
}

const noTime = time.Duration(-epoch)

// request is some spans that arrive in one export request.
type request struct {
	atMs  int
	spans []span
}

func at(ms int, spans ...span) request { return request{ms, spans} }

func traceID(name string) pcommon.TraceID {
	sum := sha256.Sum256([]byte("trace " + name))
	return pcommon.TraceID(sum[:16])
}

func spanID(name string) pcommon.SpanID {
	sum := sha256.Sum256([]byte("span " + name))
	return pcommon.SpanID(sum[:8])
}

func putAll(into pcommon.Map, from map[string]any) {
	keys := make([]string, 0, len(from))
	for key := range from {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	for _, key := range keys {
		if err := into.PutEmpty(key).FromRaw(from[key]); err != nil {
			panic(err)
		}
	}
}

func put(into ptrace.Span, from span, number int) {
	into.SetTraceID(traceID(from.trace))
	into.SetSpanID(spanID(fmt.Sprint(from.trace, "/", number)))
	if !from.root {
		into.SetParentSpanID(spanID(from.trace + "/0"))
	}
	name := from.name
	if name == "" {
		name = from.trace
	}
	into.SetName(name)
	into.SetKind(from.kind)
	into.SetStartTimestamp(pcommon.Timestamp(epoch + from.start))
	into.SetEndTimestamp(pcommon.Timestamp(epoch + from.start + from.duration))
	if from.status != ptrace.StatusCodeUnset {
		into.Status().SetCode(from.status)
	}
	putAll(into.Attributes(), from.attributes)
	into.TraceState().FromRaw(from.state)
	into.SetFlags(from.flags)
	for _, one := range from.events {
		added := into.Events().AppendEmpty()
		added.SetName(one.name)
		putAll(added.Attributes(), one.attributes)
	}
}

// build puts spans one after the other under one resource and scope as long as these are the same.
func build(from request, numbers map[string]int) ptrace.Traces {
	traces := ptrace.NewTraces()
	var resource ptrace.ResourceSpans
	var scope ptrace.ScopeSpans
	last := ""
	for _, one := range from.spans {
		key := fmt.Sprint(one.resource, one.scope)
		if key != last {
			resource = traces.ResourceSpans().AppendEmpty()
			putAll(resource.Resource().Attributes(), one.resource)
			scope = resource.ScopeSpans().AppendEmpty()
			scope.Scope().SetName(one.scope)
			last = key
		}
		put(scope.Spans().AppendEmpty(), one, numbers[one.trace])
		numbers[one.trace]++
	}
	return traces
}

// text is what a file of traces/ holds.
func text(t *testing.T, requests []request) string {
	t.Helper()
	numbers := map[string]int{}
	var lines strings.Builder
	for _, one := range requests {
		json, err := (&ptrace.JSONMarshaler{}).MarshalTraces(build(one, numbers))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&lines, "%d %s\n", one.atMs, json)
	}
	return lines.String()
}

// TestTraces writes traces/NAME.otlp for every set of traces.
func TestTraces(t *testing.T) {
	for name, requests := range sets() {
		path := filepath.Join(*folder, "traces", name+".otlp")
		if err := os.WriteFile(path, []byte(text(t, requests)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
