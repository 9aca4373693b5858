// What does the OpenTelemetry Collector's tail sampling decide? Its processor runs here as its own factory makes it, in
// one process and on a clock that stands still between events (testing/synctest), so that every decision, its second and
// every token bucket can be repeated.
package golden

import (
	"context"
	"os"
	"sort"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/tailsamplingprocessor"
	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/tailsamplingprocessor/pkg/samplingpolicy"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor/processortest"
)

// arrival is one export request, so many milliseconds after the processor started. Never on a full second: there the
// processor's tick and the request would race.
type arrival struct {
	atMs    int
	request ptrace.Traces
}

// decision is what the processor told its hooks about a trace.
type decision struct {
	verdict string // "kept", "dropped" (by a drop policy), "not"
	spans   int
	bytes   int // as bytes_limiting counts them
	atMs    int64
	policy  string // the first that voted for what was decided
}

type outcome struct {
	decisions map[pcommon.TraceID][]decision // more than one where the processor had forgotten the first
	late      map[pcommon.TraceID]int        // spans that came after the decision and were let through
	atLate    map[pcommon.TraceID]int64
}

func loadConfig(t *testing.T, yaml string) *tailsamplingprocessor.Config {
	t.Helper()
	retrieved, err := confmap.NewRetrievedFromYAML([]byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	whole, err := retrieved.AsConf()
	if err != nil {
		t.Fatal(err)
	}
	block, err := whole.Sub("tail_sampling")
	if err != nil {
		t.Fatal(err)
	}
	config := tailsamplingprocessor.NewFactory().CreateDefaultConfig().(*tailsamplingprocessor.Config)
	if err := block.Unmarshal(config); err != nil {
		t.Fatal(err)
	}
	return config
}

func verdictOf(final samplingpolicy.Decision) string {
	switch final {
	case samplingpolicy.Sampled:
		return "kept"
	case samplingpolicy.Dropped:
		return "dropped"
	default:
		return "not"
	}
}

// drive feeds the arrivals to a processor of its own and waits until all is decided.
func drive(t *testing.T, yaml string, arrivals []arrival) outcome {
	t.Helper()
	result := outcome{map[pcommon.TraceID][]decision{}, map[pcommon.TraceID]int{}, map[pcommon.TraceID]int64{}}
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		config := loadConfig(t, yaml)
		deciding := false
		hook := func(_ context.Context, id pcommon.TraceID, trace *tailsamplingprocessor.TraceData) {
			deciding = trace.FinalDecision == samplingpolicy.Sampled
			if trace.ReceivedBatches.SpanCount() == 0 {
				return // a late span of a trace that was not kept, or a trace that grew too large
			}
			marshaler := &ptrace.ProtoMarshaler{}
			result.decisions[id] = append(result.decisions[id], decision{verdictOf(trace.FinalDecision),
				trace.ReceivedBatches.SpanCount(), marshaler.TracesSize(trace.ReceivedBatches),
				time.Since(start).Milliseconds(), trace.PolicyName})
		}
		config.Options = append(config.Options, tailsamplingprocessor.WithSampledHooks(hook),
			tailsamplingprocessor.WithNonSampledHooks(hook))
		sink, err := consumer.NewTraces(func(_ context.Context, traces ptrace.Traces) error {
			if deciding {
				deciding = false // these spans are the decided trace's own
				return nil
			}
			id := traces.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).TraceID()
			result.late[id] += traces.SpanCount()
			result.atLate[id] = time.Since(start).Milliseconds()
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		factory := tailsamplingprocessor.NewFactory()
		processor, err := factory.CreateTraces(t.Context(), processortest.NewNopSettings(factory.Type()), config, sink)
		if err != nil {
			t.Fatal(err)
		}
		if err := processor.Start(context.Background(), componenttest.NewNopHost()); err != nil {
			t.Fatal(err)
		}
		for _, one := range arrivals {
			time.Sleep(time.Until(start.Add(time.Duration(one.atMs) * time.Millisecond)))
			own := ptrace.NewTraces()
			one.request.CopyTo(own)
			if err := processor.ConsumeTraces(context.Background(), own); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		time.Sleep(config.DecisionWait + 3*time.Second)
		synctest.Wait()
		if err := processor.Shutdown(context.Background()); err != nil {
			t.Fatal(err)
		}
	})
	return result
}

// readArrivals reads lines of "<milliseconds> <OTLP JSON>".
func readArrivals(t *testing.T, path string) []arrival {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return parseArrivals(t, string(text))
}

func parseArrivals(t *testing.T, text string) []arrival {
	t.Helper()
	var arrivals []arrival
	for line := range strings.Lines(text) {
		ms, body, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok {
			t.Fatalf("not an arrival: %q", line)
		}
		at, err := time.ParseDuration(ms + "ms")
		if err != nil || at.Milliseconds()%1000 == 0 {
			t.Fatalf("not a time between two ticks: %q", ms)
		}
		request, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		arrivals = append(arrivals, arrival{int(at.Milliseconds()), request})
	}
	return arrivals
}

func sortedIDs[V any](of map[pcommon.TraceID]V) []pcommon.TraceID {
	ids := make([]pcommon.TraceID, 0, len(of))
	for id := range of {
		ids = append(ids, id)
	}
	sort.Slice(ids, func(i, j int) bool { return ids[i].String() < ids[j].String() })
	return ids
}
