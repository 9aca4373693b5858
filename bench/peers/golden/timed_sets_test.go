package golden

import (
	"fmt"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace"
)

// spansOf is a trace of so many spans that lie 1 ms apart.
func spansOf(trace string, count int, attributes map[string]any) []span {
	var spans []span
	for i := range count {
		spans = append(spans, span{trace: trace, root: i == 0, start: time.Duration(i) * ms, duration: ms, attributes: attributes})
	}
	return spans
}

// One trace a second, then several in one, then pauses: for token buckets and composite's seconds.
func rateSet() []request {
	var requests []request
	second := 0
	alone := func(count int) {
		requests = append(requests, at(second*1000+500, spansOf(fmt.Sprintf("second %02d of %d spans", second, count), count,
			map[string]any{"count": int64(count)})...))
		second++
	}
	for _, count := range []int{3, 5, 8, 13, 20, 21, 2, 1, 10, 10, 10, 10, 10, 10, 1, 1, 1} {
		alone(count)
	}
	burst := func(traces, count int) {
		for i := range traces {
			requests = append(requests, at(second*1000+100+i, spansOf(fmt.Sprintf("burst at %d, trace %02d", second, i), count,
				map[string]any{"burst": true})...))
		}
		second++
	}
	burst(12, 4) // equal traces in one tick: how many are kept is determined
	second += 5
	burst(12, 4)
	burst(12, 4)
	second += 2
	alone(20)
	alone(9)
	alone(40)
	alone(2)
	return requests
}

// Traces for composite: one a second, of which the attributes say which sub-policies they match.
func compositeSet() []request {
	var requests []request
	for second, one := range []struct {
		kind  string
		count int
	}{{"a", 4}, {"a", 5}, {"a", 6}, {"b", 2}, {"b", 3}, {"b", 5}, {"ab", 5}, {"ab", 6}, {"", 1}, {"", 2}, {"", 5}, {"", 10},
		{"a", 20}, {"b", 20}, {"ab", 1}, {"a", 1}} {
		attributes := map[string]any{}
		for _, letter := range one.kind {
			attributes[string(letter)] = "yes"
		}
		requests = append(requests, at(second*1000+500,
			spansOf(fmt.Sprintf("%02d %q of %d spans", second, one.kind, one.count), one.count, attributes)...))
	}
	// Ten of each kind in one second, all of two spans.
	for i := range 10 {
		for j, kind := range []string{"a", "b", "c"} {
			requests = append(requests, at(20_100+10*i+j, spansOf(fmt.Sprintf("crowd %d %s", i, kind), 2,
				map[string]any{kind: "yes"})...))
		}
	}
	return requests
}

// Spans that come before and after the decision, roots too.
func lateSet() []request {
	spanOf := func(trace string, root bool, status ptrace.StatusCode, duration time.Duration) span {
		return span{trace: trace, root: root, status: status, duration: duration}
	}
	child := func(trace string) span { return spanOf(trace, false, ptrace.StatusCodeUnset, 10*ms) }
	failed := func(trace string) span { return spanOf(trace, false, ptrace.StatusCodeError, 10*ms) }
	root := func(trace string, duration time.Duration) span {
		return spanOf(trace, true, ptrace.StatusCodeUnset, duration)
	}
	return []request{
		at(100, failed("error, late child"), child("no error, late error"), child("fast, late slow root"),
			child("no error, late child"), root("root first", 10*ms), child("child first"), child("root at 1500")),
		at(1500, root("root at 1500", 10*ms), child("root first")),
		at(2500, child("child first"), failed("root first")),
		at(2900, failed("in the last second before the tick"), child("child first")),
		at(5200, child("error, late child"), failed("no error, late error"), root("fast, late slow root", 5*time.Second),
			child("no error, late child")),
		at(9300, child("error, late child"), failed("no error, late error")),
		at(9400, failed("in the last second before the tick")),
	}
}

// More traces than num_traces, in order, then some of them again.
func crowdSet() []request {
	var requests []request
	for i := range 20 {
		status := ptrace.StatusCodeUnset
		if i%2 == 0 {
			status = ptrace.StatusCodeError
		}
		requests = append(requests, at(100+i, span{trace: fmt.Sprintf("trace %02d", i), root: true, status: status,
			duration: 10 * ms}))
	}
	for i := range 6 {
		requests = append(requests, at(5500+i, span{trace: fmt.Sprintf("trace %02d", 3*i), duration: 10 * ms}))
	}
	return requests
}

// What conditions in OTTL look at.
func ottlSet() []request {
	requests := []request{}
	number := 100
	add := func(spans ...span) {
		requests = append(requests, at(number, spans...))
		number++
	}
	service := map[string]any{"service.name": "checkout", "env": "prod"}
	for i, value := range []any{"value1", "value2", "", int64(0), int64(5), int64(500), 5.0, 7.5, true, false,
		[]any{"value1"}, nil} {
		add(span{trace: fmt.Sprintf("%02d %T %v", i, value, value), root: true, attributes: map[string]any{"key": value},
			resource: service})
	}
	for _, kind := range []ptrace.SpanKind{0, 1, 2, 3, 4, 5} {
		add(span{trace: fmt.Sprintf("kind %d", kind), root: true, kind: kind, resource: service})
	}
	for _, name := range []string{"GET /cart", "GET /health", "POST /cart", "/health"} {
		add(span{trace: "named " + name, name: name, root: true, resource: service})
	}
	for code := range 3 {
		add(span{trace: fmt.Sprintf("status %d", code), root: true, status: ptrace.StatusCode(code), resource: service})
	}
	add(span{trace: "nothing", root: true})
	add(span{trace: "another service", root: true, resource: map[string]any{"service.name": "cart", "env": "test"}})
	add(span{trace: "a scope", root: true, scope: "library", resource: service})
	add(span{trace: "long", root: true, duration: 3 * time.Second, resource: service})
	add(span{trace: "not a root", resource: service})
	add(span{trace: "an exception", root: true, resource: service,
		events: []event{{"log", nil}, {"exception", map[string]any{"exception.type": "Timeout", "count": int64(2)}}}})
	add(span{trace: "an event", root: true, resource: service, events: []event{{"log", map[string]any{"key": "value1"}}}})
	add(span{trace: "state", root: true, state: "key=value1", resource: service})
	add(span{trace: "second span", root: true, resource: service},
		span{trace: "second span", attributes: map[string]any{"key": "value1"}, resource: service})
	add(span{trace: "first an error of types, then a match", root: true, resource: service,
		attributes: map[string]any{"key": int64(5)}},
		span{trace: "first an error of types, then a match", attributes: map[string]any{"key": "value1"}, resource: service})
	return requests
}
