package golden

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

const (
	randomTraces   = 60
	randomPolicies = 400
)

// dice draws traces and policies from few words, so that they meet.
type dice struct{ *rand.Rand }

func (d dice) one(of ...string) string { return of[d.IntN(len(of))] }

func (d dice) value() any {
	switch d.IntN(6) {
	case 0, 1:
		return d.one("alpha", "beta", "gamma", "alphabet", "")
	case 2, 3:
		return int64(d.IntN(12) - 2)
	case 4:
		return d.IntN(2) == 0
	default:
		return float64(d.IntN(8)) / 2
	}
}

func (d dice) attributes() map[string]any {
	attributes := map[string]any{}
	for range d.IntN(3) {
		attributes[d.one("x", "y", "z")] = d.value()
	}
	return attributes
}

func (d dice) span(trace string, first bool) span {
	made := span{trace: trace, root: first && d.IntN(4) > 0, start: time.Duration(d.IntN(200)) * ms,
		duration: time.Duration(d.IntN(300_000)) * time.Microsecond, kind: ptrace.SpanKind(d.IntN(6)),
		attributes: d.attributes(), resource: d.attributes(), state: d.one("", "", "k=a", "k=b", "j=a,k=b"),
		flags: uint32(d.IntN(2))}
	if d.IntN(3) == 0 {
		made.status = ptrace.StatusCode(d.IntN(3))
	}
	if d.IntN(5) == 0 {
		made.events = []event{{d.one("exception", "log"), d.attributes()}}
	}
	return made
}

func (d dice) traces() []request {
	var requests []request
	for i := range randomTraces {
		trace := fmt.Sprint("random ", i)
		var spans []span
		for j := range 1 + d.IntN(5)*d.IntN(3) {
			spans = append(spans, d.span(trace, j == 0))
		}
		requests = append(requests, at(100+i, spans...))
	}
	return requests
}

func (d dice) simple(name string) string {
	key := d.one("x", "y", "z")
	invert := d.one("", "", ", invert_match: true")
	text := func() string { return d.one("alpha", "beta", "gamma", `""`) }
	switch d.IntN(11) {
	case 0:
		return fmt.Sprintf("{name: %s, type: latency, latency: {threshold_ms: %d}}", name, d.IntN(400))
	case 1:
		low := d.IntN(300)
		return fmt.Sprintf("{name: %s, type: latency, latency: {threshold_ms: %d, upper_threshold_ms: %d}}", name, low,
			low+d.IntN(200))
	case 2:
		low := d.IntN(8) - 2
		return fmt.Sprintf("{name: %s, type: numeric_attribute, numeric_attribute: {key: %s, min_value: %d, max_value: %d%s}}",
			name, key, low, low+1+d.IntN(6)+2*d.IntN(2), invert)
	case 3:
		return fmt.Sprintf("{name: %s, type: string_attribute, string_attribute: {key: %s, values: [%s, %s]%s}}", name, key,
			text(), text(), invert)
	case 4:
		return fmt.Sprintf("{name: %s, type: string_attribute, string_attribute: {key: %s, values: ['%s'], "+
			"enabled_regex_matching: true%s}}", name, key, d.one("a$", "^al", "alpha", "[bg]", "^$", ".*", "m+a"), invert)
	case 5:
		return fmt.Sprintf("{name: %s, type: boolean_attribute, boolean_attribute: {key: %s, value: %s%s}}", name, key,
			d.one("true", "false"), invert)
	case 6:
		return fmt.Sprintf("{name: %s, type: status_code, status_code: {status_codes: [%s]}}", name,
			d.one("ERROR", "OK", "UNSET", "ERROR, OK"))
	case 7:
		return fmt.Sprintf("{name: %s, type: span_count, span_count: {min_spans: %d, max_spans: %d}}", name, 1+d.IntN(5),
			d.IntN(2)*(1+d.IntN(8)))
	case 8:
		return fmt.Sprintf("{name: %s, type: trace_state, trace_state: {key: %s, values: [%s]}}", name, d.one("k", "j"),
			d.one("a", "b"))
	case 9:
		return fmt.Sprintf("{name: %s, type: probabilistic, probabilistic: {sampling_percentage: %d, hash_salt: %s}}", name,
			d.IntN(101), d.one(`""`, "salt"))
	default:
		return fmt.Sprintf("{name: %s, type: trace_flags}", name)
	}
}

func (d dice) list(name string, make func(string) string) string {
	var all []string
	for i := range 1 + d.IntN(3) {
		all = append(all, make(fmt.Sprint(name, "_", i)))
	}
	return "[" + strings.Join(all, ", ") + "]"
}

func (d dice) not(name string) string {
	return fmt.Sprintf("{name: %s, type: not, not: {not_sub_policy: %s}}", name, d.simple(name+"_n"))
}

func (d dice) simpleOrNot(name string) string {
	if d.IntN(4) == 0 {
		return d.not(name)
	}
	return d.simple(name)
}

func (d dice) and(name string) string {
	return fmt.Sprintf("{name: %s, type: and, and: {and_sub_policy: %s}}", name, d.list(name, d.simpleOrNot))
}

func (d dice) policy(name string) string {
	switch d.IntN(10) {
	case 0, 1:
		return d.and(name)
	case 2:
		return d.not(name)
	case 3:
		return fmt.Sprintf("{name: %s, type: drop, drop: {drop_sub_policy: %s}}", name, d.list(name, d.simpleOrNot))
	case 4:
		sub := func(name string) string {
			if d.IntN(3) == 0 {
				return d.and(name)
			}
			return d.simple(name)
		}
		return fmt.Sprintf("{name: %s, type: composite, composite: {max_total_spans_per_second: 1000000, "+
			"policy_order: [], composite_sub_policy: %s}}", name, d.list(name, sub))
	default:
		return d.simple(name)
	}
}

// TestRandom writes random.cases: two lines a case, the block in YAML's flow style and what was decided about each trace
// of traces/random.otlp in the order in which they arrive: k kept, d dropped by a drop policy, - not kept.
func TestRandom(t *testing.T) {
	d := dice{rand.New(rand.NewPCG(6, 161))}
	traces := text(t, d.traces())
	if err := os.WriteFile(filepath.Join(*folder, "traces", "random.otlp"), []byte(traces), 0o644); err != nil {
		t.Fatal(err)
	}
	arrivals := parseArrivals(t, traces)
	var order []pcommon.TraceID
	for i := range randomTraces {
		order = append(order, traceID(fmt.Sprint("random ", i)))
	}
	var lines strings.Builder
	for range randomPolicies {
		block := fmt.Sprintf("tail_sampling: {decision_wait: 1s, sample_on_first_match: %t, policies: %s}", d.IntN(4) == 0,
			d.list("p", d.policy))
		result := drive(t, block, arrivals)
		fmt.Fprintf(&lines, "%s\n%s\n", block, letters(result, order))
	}
	if err := os.WriteFile(filepath.Join(*folder, "random.cases"), []byte(lines.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

func letters(result outcome, order []pcommon.TraceID) string {
	var all strings.Builder
	for _, id := range order {
		all.WriteByte(map[string]byte{"kept": 'k', "dropped": 'd', "not": '-'}[result.decisions[id][0].verdict])
	}
	return all.String()
}
