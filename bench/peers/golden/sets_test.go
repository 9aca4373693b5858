package golden

import (
	"fmt"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace"
)

const ms = time.Millisecond

func sets() map[string][]request {
	return map[string][]request{
		"latency":    latencySet(),
		"attributes": attributeSet(),
		"ids":        idSet(),
		"shapes":     shapeSet(),
		"contexts":   contextSet(),
		"rates":      rateSet(),
		"composite":  compositeSet(),
		"late":       lateSet(),
		"crowd":      crowdSet(),
		"ottl":       ottlSet(),
	}
}

// Durations on either side of 100 and 200 ms; and traces of which the spans reach them one after the other.
func latencySet() []request {
	var spans []span
	for _, nanos := range []int{0, 1, 99_999_999, 100_000_000, 100_000_001, 100_999_999, 101_000_000, 199_999_999,
		200_000_000, 200_000_001, 200_999_999, 201_000_000, 5_000_000_000} {
		spans = append(spans, span{trace: fmt.Sprint("one span of ", nanos, " ns"), root: true, duration: time.Duration(nanos)})
	}
	pair := func(name string, first, second span) {
		first.trace, second.trace, first.root = name, name, true
		spans = append(spans, first, second)
	}
	pair("two short spans far apart", span{duration: 10 * ms}, span{start: 490 * ms, duration: 10 * ms})
	pair("150 ms, then 900 ms", span{duration: 150 * ms}, span{duration: 900 * ms})
	pair("900 ms, then 150 ms", span{duration: 900 * ms}, span{duration: 150 * ms})
	pair("50 ms, then 900 ms", span{duration: 50 * ms}, span{duration: 900 * ms})
	pair("the second begins 150 ms before", span{start: 150 * ms, duration: 1 * ms}, span{duration: 10 * ms})
	pair("apart by 101 ms", span{duration: 0}, span{start: 101 * ms})
	spans = append(spans,
		span{trace: "ends before it starts", root: true, start: 500 * ms, duration: -400 * ms},
		span{trace: "no start", root: true, start: noTime, duration: epoch + 50*ms},
		span{trace: "no end", root: true, duration: noTime},
		span{trace: "no times", root: true, start: noTime})
	pair("a span without times among 50 ms", span{duration: 50 * ms}, span{start: noTime})
	pair("a span without times first", span{start: noTime}, span{duration: 150 * ms})
	whole := func(atMs int, name string, start, duration time.Duration) request {
		return at(atMs, span{trace: name, start: start, duration: duration})
	}
	return []request{
		at(100, spans...),
		whole(200, "in two requests, the second makes it 150 ms", 0, 20*ms),
		whole(300, "in two requests, 150 ms then 900 ms", 0, 150*ms),
		whole(1200, "in two requests, the second makes it 150 ms", 100*ms, 50*ms),
		whole(1300, "in two requests, 150 ms then 900 ms", 100*ms, 800*ms),
	}
}

// One attribute "key" of every type and of values that policies ask for, on a span or on a resource.
func attributeSet() []request {
	values := []any{"value1", "value2", "prefix value1 suffix", "VALUE1", "", "0", "5", "true",
		int64(-1), int64(0), int64(1), int64(4), int64(5), int64(6), int64(10), int64(11), int64(1) << 62, 5.0, 0.0, 7.5,
		true, false, []any{"value1"}, []any{int64(5)}, map[string]any{"value1": "value1"}, []byte("value1"), nil}
	requests := []request{}
	number := 100
	add := func(spans ...span) {
		requests = append(requests, at(number, spans...))
		number++
	}
	for i, value := range values {
		name := fmt.Sprintf("%02d %T %v", i, value, value)
		with := map[string]any{"key": value}
		add(span{trace: "span " + name, root: true, attributes: with})
		add(span{trace: "resource " + name, root: true, resource: with})
		add(span{trace: "second span " + name, root: true}, span{trace: "second span " + name, attributes: with})
	}
	add(span{trace: "nowhere", root: true, attributes: map[string]any{"other": "value1"}})
	add(span{trace: "an event has it", root: true, events: []event{{"e", map[string]any{"key": "value1"}}}})
	add(span{trace: "only the scope is called so", root: true, scope: "value1"})
	add(span{trace: "resource value1, span value2", root: true, resource: map[string]any{"key": "value1"},
		attributes: map[string]any{"key": "value2"}})
	add(span{trace: "resource 5, span 50", root: true, resource: map[string]any{"key": int64(5)},
		attributes: map[string]any{"key": int64(50)}})
	add(span{trace: "a span has value1, another value3", root: true, attributes: map[string]any{"key": "value1"}},
		span{trace: "a span has value1, another value3", attributes: map[string]any{"key": "value3"}})
	add(span{trace: "a span has 5, another 50", root: true, attributes: map[string]any{"key": int64(5)}},
		span{trace: "a span has 5, another 50", attributes: map[string]any{"key": int64(50)}})
	add(span{trace: "a span has true, another false", root: true, attributes: map[string]any{"key": true}},
		span{trace: "a span has true, another false", attributes: map[string]any{"key": false}})
	return requests
}

// A thousand traces of one span.
func idSet() []request {
	var spans []span
	for i := range 1000 {
		spans = append(spans, span{trace: fmt.Sprint("id ", i), name: fmt.Sprint(i), root: true})
	}
	return []request{at(500, spans...)}
}

// Traces of one to twelve spans with each status, some in several requests.
func shapeSet() []request {
	status := []ptrace.StatusCode{ptrace.StatusCodeUnset, ptrace.StatusCodeOk, ptrace.StatusCodeError}
	var first, second []span
	for count := 1; count <= 12; count++ {
		for _, code := range status {
			name := fmt.Sprint(count, " spans, the last is ", code)
			for i := range count {
				one := span{trace: name, root: i == 0, duration: 10 * ms}
				if i == count-1 {
					one.status = code
				}
				if i%4 == 3 {
					second = append(second, one)
				} else {
					first = append(first, one)
				}
			}
		}
	}
	first = append(first, span{trace: "ok and error", root: true, status: ptrace.StatusCodeOk},
		span{trace: "ok and error", status: ptrace.StatusCodeError})
	return []request{at(100, first...), at(1700, second...)}
}

func contextSet() []request {
	var spans []span
	for i, state := range []string{"", "key=value1", "key=value2", "key=value3", "other=value1", "other=x,key=value1",
		"key=value1,other=x", "key=value1,key=value2", "key= value1", "key=value1 ", " key=value1", "KEY=value1",
		"key=VALUE1", "key", "key=", "=value1", "ot=th:8;rv:abcdef01234567,key=value1", "key=value1,,other=x"} {
		spans = append(spans, span{trace: fmt.Sprintf("state %02d %q", i, state), root: true, state: state})
	}
	for _, flags := range []uint32{0, 1, 2, 3, 0x100, 0x101, 0x300, 0x301, 0xffffff00, 0xffffffff} {
		spans = append(spans, span{trace: fmt.Sprintf("flags %x", flags), root: true, flags: flags})
	}
	spans = append(spans, span{trace: "the second span is sampled", root: true},
		span{trace: "the second span is sampled", flags: 1, state: "key=value1"})
	return []request{at(100, spans...)}
}
