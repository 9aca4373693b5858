// Says what the OpenTelemetry Collector's OTTL library makes of each condition of a cases file on each of its spans:
//
//	go run . ../../../src/sample/testdata/ottl_cases.txt > ../../../src/sample/testdata/ottl_truth.txt
//
// Conditions are parsed as the tail sampling processor parses them (internal/filter/filterottl, with names of
// contexts). A line of the answer is a kind, one column per result, and the text, apart by tabs. A result has a letter
// per span (or per event): T true, F false, E an error; or is X where the library refuses the condition.
package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"fmt"
	"math/rand"
	"os"
	"strconv"
	"strings"

	"github.com/open-telemetry/opentelemetry-collector-contrib/internal/filter/filterottl"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlspan"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlspanevent"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.uber.org/zap"
)

type cases struct {
	spans    []ptrace.ResourceSpans
	operands []string
	span     []string
	event    []string
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// "a b c" → "a", "b c".
func cut(text string) (string, string) {
	first, rest, _ := strings.Cut(text, " ")
	return first, rest
}

func number(text string) uint64 {
	value, err := strconv.ParseUint(text, 10, 64)
	check(err)
	return value
}

func setAttribute(attributes pcommon.Map, text string) {
	key, text := cut(text)
	kind, text := cut(text)
	value := attributes.PutEmpty(key)
	switch kind {
	case "string":
		value.SetStr(text)
	case "int":
		parsed, err := strconv.ParseInt(text, 10, 64)
		check(err)
		value.SetInt(parsed)
	case "double":
		parsed, err := strconv.ParseFloat(text, 64)
		check(err)
		value.SetDouble(parsed)
	case "bool":
		value.SetBool(text == "true")
	case "bytes":
		parsed, err := hex.DecodeString(text)
		check(err)
		value.SetEmptyBytes().FromRaw(parsed)
	case "ints":
		list := value.SetEmptySlice()
		for _, item := range strings.Split(text, ",") {
			list.AppendEmpty().SetInt(int64(number(item)))
		}
	case "strings": // a list, or a map where there is a '='
		if strings.Contains(text, "=") {
			entries := value.SetEmptyMap()
			for _, item := range strings.Split(text, ",") {
				name, content, _ := strings.Cut(item, "=")
				entries.PutStr(name, content)
			}
			return
		}
		list := value.SetEmptySlice()
		for _, item := range strings.Split(text, ",") {
			if item != "" {
				list.AppendEmpty().SetStr(item)
			}
		}
	case "empty":
	default:
		panic(kind)
	}
}

func read(path string) cases {
	file, err := os.Open(path)
	check(err)
	defer file.Close()
	var found cases
	var resource ptrace.ResourceSpans
	var scope ptrace.ScopeSpans
	var span ptrace.Span
	var event ptrace.SpanEvent
	scanner := bufio.NewScanner(file)
	for scanner.Scan() {
		if scanner.Text() == "" || strings.HasPrefix(scanner.Text(), "#") {
			continue
		}
		word, text := cut(scanner.Text())
		switch word {
		case "span":
			resource = ptrace.NewTraces().ResourceSpans().AppendEmpty()
			scope = resource.ScopeSpans().AppendEmpty()
			span = scope.Spans().AppendEmpty()
			found.spans = append(found.spans, resource)
		case "name":
			span.SetName(text)
		case "kind":
			span.SetKind(ptrace.SpanKind(number(text)))
		case "status":
			code, message := cut(text)
			span.Status().SetCode(ptrace.StatusCode(number(code)))
			span.Status().SetMessage(message)
		case "trace_id":
			var id pcommon.TraceID
			_, err := hex.Decode(id[:], []byte(text))
			check(err)
			span.SetTraceID(id)
		case "span_id", "parent":
			var id pcommon.SpanID
			_, err := hex.Decode(id[:], []byte(text))
			check(err)
			if word == "parent" {
				span.SetParentSpanID(id)
			} else {
				span.SetSpanID(id)
			}
		case "start":
			span.SetStartTimestamp(pcommon.Timestamp(number(text)))
		case "end":
			span.SetEndTimestamp(pcommon.Timestamp(number(text)))
		case "flags":
			span.SetFlags(uint32(number(text)))
		case "trace_state":
			span.TraceState().FromRaw(text)
		case "scope":
			name, version := cut(text)
			scope.Scope().SetName(name)
			scope.Scope().SetVersion(version)
		case "event":
			event = span.Events().AppendEmpty()
			name, at := cut(text)
			if at == "" { // an event without a name
				name, at = "", name
			}
			event.SetName(name)
			event.SetTimestamp(pcommon.Timestamp(number(at)))
		case "attribute":
			level, text := cut(text)
			switch level {
			case "resource":
				setAttribute(resource.Resource().Attributes(), text)
			case "scope":
				setAttribute(scope.Scope().Attributes(), text)
			case "span":
				setAttribute(span.Attributes(), text)
			case "event":
				setAttribute(event.Attributes(), text)
			}
		case "operand":
			found.operands = append(found.operands, text)
		case "span-condition":
			found.span = append(found.span, text)
		case "event-condition":
			found.event = append(found.event, text)
		default:
			panic(word)
		}
	}
	check(scanner.Err())
	return found
}

var settings = component.TelemetrySettings{Logger: zap.NewNop()}

func letter(holds bool, err error) string {
	if err != nil {
		return "E"
	}
	if holds {
		return "T"
	}
	return "F"
}

func onSpans(found cases, mode ottl.ErrorMode, conditions ...string) string {
	functions := filterottl.StandardSpanFuncs()
	sequence, err := filterottl.NewBoolExprForSpanWithPathContextNames(conditions, functions, mode, settings)
	if err != nil {
		return "X"
	}
	result := ""
	for _, resource := range found.spans {
		scope := resource.ScopeSpans().At(0)
		input := ottlspan.NewTransformContext(resource, scope, scope.Spans().At(0))
		result += letter(sequence.Eval(context.Background(), input))
		input.Close()
	}
	return result
}

func onEvents(found cases, condition string) string {
	sequence, err := filterottl.NewBoolExprForSpanEventWithPathContextNames(
		[]string{condition}, filterottl.StandardSpanEventFuncs(), ottl.PropagateError, settings)
	if err != nil {
		return "X"
	}
	result := ""
	for _, resource := range found.spans {
		scope := resource.ScopeSpans().At(0)
		span := scope.Spans().At(0)
		for i := range span.Events().Len() {
			input := ottlspanevent.NewTransformContext(resource, scope, span, span.Events().At(i))
			result += letter(sequence.Eval(context.Background(), input))
			input.Close()
		}
	}
	return result
}

// Conditions of a few parts, joined by chance.
func randomCondition(random *rand.Rand, depth int) string {
	atoms := []string{
		"true", "false", "name == \"x\"", "attributes[\"flag\"] == true", "attributes[\"number\"] / 0 == 1",
		"HasPrefix(attributes[\"text\"], \"G\")", "IsRootSpan()", "1 == 2", "status.code == STATUS_CODE_ERROR",
		"IsMatch(attributes[\"missing\"], \"a\")", "attributes[\"ratio\"] < 1", "nil == attributes[\"missing\"]",
	}
	if depth == 0 || random.Intn(4) == 0 {
		return atoms[random.Intn(len(atoms))]
	}
	left := randomCondition(random, depth-1)
	right := randomCondition(random, depth-1)
	switch random.Intn(5) {
	case 0:
		return left + " and " + right
	case 1:
		return left + " or " + right
	case 2:
		return "not (" + left + ")"
	case 3:
		return "(" + left + ") and (" + right + ")"
	default:
		return "(" + left + " or " + right + ")"
	}
}

func main() {
	found := read(os.Args[1])
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	fmt.Fprintln(out, "# Made by bench/peers/ottl-truth of ottl_cases.txt: "+
		"opentelemetry-collector-contrib/pkg/ottl 0.161.0.")
	fmt.Fprintln(out, "# compare: == != < <= > >=, then the two operands. span, event: one condition. "+
		"random: joined by chance.")
	fmt.Fprintln(out, "# policy: with error_mode silent, ignore, propagate; then two conditions.")
	for _, left := range found.operands {
		for _, right := range found.operands {
			fmt.Fprint(out, "compare")
			for _, operator := range []string{"==", "!=", "<", "<=", ">", ">="} {
				fmt.Fprint(out, "\t", onSpans(found, ottl.PropagateError, left+" "+operator+" "+right))
			}
			fmt.Fprintln(out, "\t"+left+"\t"+right)
		}
	}
	for _, condition := range found.span {
		fmt.Fprintln(out, "span\t"+onSpans(found, ottl.PropagateError, condition)+"\t"+condition)
	}
	for _, condition := range found.event {
		fmt.Fprintln(out, "event\t"+onEvents(found, condition)+"\t"+condition)
	}
	random := rand.New(rand.NewSource(161))
	for range 1000 {
		condition := randomCondition(random, 4)
		fmt.Fprintln(out, "random\t"+onSpans(found, ottl.PropagateError, condition)+"\t"+condition)
	}
	for range 200 {
		first, second := randomCondition(random, 2), randomCondition(random, 2)
		fmt.Fprint(out, "policy")
		for _, mode := range []ottl.ErrorMode{ottl.SilentError, ottl.IgnoreError, ottl.PropagateError} {
			fmt.Fprint(out, "\t", onSpans(found, mode, first, second))
		}
		fmt.Fprintln(out, "\t"+first+"\t"+second)
	}
}
