// Reads a scenario from stdin, makes its spans with Go's OpenTelemetry SDK, sends them over gRPC to the address given,
// and prints their ids.
package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

type keyValue struct {
	Key   string `json:"key"`
	Value value  `json:"value"`
}

type value struct {
	StringValue *string                      `json:"stringValue,omitempty"`
	BoolValue   *bool                        `json:"boolValue,omitempty"`
	IntValue    *string                      `json:"intValue,omitempty"`
	DoubleValue any                          `json:"doubleValue,omitempty"`
	BytesValue  *string                      `json:"bytesValue,omitempty"`
	ArrayValue  *struct{ Values []value }    `json:"arrayValue,omitempty"`
	KvlistValue *struct{ Values []keyValue } `json:"kvlistValue,omitempty"`
}

type event struct {
	Name       string
	Time       string
	Attributes []keyValue
}

type link struct {
	TraceID    string `json:"traceId"`
	SpanID     string `json:"spanId"`
	IsRemote   bool
	Attributes []keyValue
}

type spanSpec struct {
	Key, Service, Scope, Parent, Name, Kind, Start, End string

	IsRemote   bool
	Status     struct{ Code, Message string }
	Attributes []keyValue
	Events     []event
	Links      []link
	Exception  *struct{ Message, Time string }
}

type scenario struct {
	TraceState string
	Services   map[string]struct {
		Attributes []keyValue
		SchemaURL  string `json:"schemaUrl"`
	}
	Scopes map[string]struct {
		Name, Version string
		SchemaURL     string `json:"schemaUrl"`
		Attributes    []keyValue
	}
	Spans []spanSpec
}

type madeSpan struct {
	TraceID string `json:"traceId"`
	SpanID  string `json:"spanId"`
	Flags   int    `json:"flags"`
}

type made struct {
	Spans     map[string]madeSpan `json:"spans"`
	Exception []keyValue          `json:"exception"`
}

func must[T any](result T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return result
}

func (v value) toSDK() attribute.Value {
	switch {
	case v.StringValue != nil:
		return attribute.StringValue(*v.StringValue)
	case v.BoolValue != nil:
		return attribute.BoolValue(*v.BoolValue)
	case v.IntValue != nil:
		return attribute.Int64Value(must(strconv.ParseInt(*v.IntValue, 10, 64)))
	case v.DoubleValue != nil:
		if text, isText := v.DoubleValue.(string); isText {
			return attribute.Float64Value(must(strconv.ParseFloat(text, 64)))
		}
		return attribute.Float64Value(v.DoubleValue.(float64))
	case v.BytesValue != nil:
		return attribute.ByteSliceValue(must(base64.StdEncoding.DecodeString(*v.BytesValue)))
	case v.KvlistValue != nil:
		return attribute.MapValue(attributes(v.KvlistValue.Values)...)
	}
	return list(v.ArrayValue.Values)
}

// The SDK has a type of its own for lists of one kind.
func list(values []value) attribute.Value {
	converted := make([]attribute.Value, len(values))
	sameKind := true
	for i, one := range values {
		converted[i] = one.toSDK()
		sameKind = sameKind && converted[i].Type() == converted[0].Type()
	}
	if !sameKind {
		return attribute.SliceValue(converted...)
	}
	switch converted[0].Type() {
	case attribute.STRING:
		return attribute.StringSliceValue(mapped(converted, attribute.Value.AsString))
	case attribute.INT64:
		return attribute.Int64SliceValue(mapped(converted, attribute.Value.AsInt64))
	case attribute.FLOAT64:
		return attribute.Float64SliceValue(mapped(converted, attribute.Value.AsFloat64))
	}
	return attribute.BoolSliceValue(mapped(converted, attribute.Value.AsBool))
}

func mapped[T any](values []attribute.Value, convert func(attribute.Value) T) []T {
	var out []T
	for _, one := range values {
		out = append(out, convert(one))
	}
	return out
}

func attributes(from []keyValue) []attribute.KeyValue {
	var out []attribute.KeyValue
	for _, one := range from {
		out = append(out, attribute.KeyValue{Key: attribute.Key(one.Key), Value: one.Value.toSDK()})
	}
	return out
}

func at(nanoseconds string) trace.EventOption {
	return trace.WithTimestamp(time.Unix(0, must(strconv.ParseInt(nanoseconds, 10, 64))))
}

func timeOf(nanoseconds string) time.Time {
	return time.Unix(0, must(strconv.ParseInt(nanoseconds, 10, 64)))
}

type driver struct {
	scenario  scenario
	state     trace.TraceState
	providers map[string]*sdktrace.TracerProvider
	contexts  map[string]trace.SpanContext
	out       made
}

func (d *driver) parentContext(spec spanSpec) context.Context {
	if spec.Parent == "" {
		return context.Background()
	}
	parent := d.contexts[spec.Parent]
	if spec.IsRemote {
		return trace.ContextWithRemoteSpanContext(context.Background(), parent.WithTraceState(d.state))
	}
	return trace.ContextWithSpanContext(context.Background(), parent)
}

func (d *driver) links(from []link) []trace.Link {
	var out []trace.Link
	for _, one := range from {
		out = append(out, trace.Link{
			SpanContext: trace.NewSpanContext(trace.SpanContextConfig{
				TraceID:    must(trace.TraceIDFromHex(one.TraceID)),
				SpanID:     must(trace.SpanIDFromHex(one.SpanID)),
				TraceFlags: trace.FlagsSampled,
				TraceState: d.state,
				Remote:     one.IsRemote,
			}),
			Attributes: attributes(one.Attributes),
		})
	}
	return out
}

var kinds = map[string]trace.SpanKind{
	"internal": trace.SpanKindInternal, "server": trace.SpanKindServer, "client": trace.SpanKindClient,
	"producer": trace.SpanKindProducer, "consumer": trace.SpanKindConsumer,
}

func (d *driver) send(spec spanSpec) {
	scope := d.scenario.Scopes[spec.Scope]
	tracer := d.providers[spec.Service].Tracer(scope.Name, trace.WithInstrumentationVersion(scope.Version),
		trace.WithSchemaURL(scope.SchemaURL), trace.WithInstrumentationAttributes(attributes(scope.Attributes)...))
	_, span := tracer.Start(d.parentContext(spec), spec.Name, trace.WithSpanKind(kinds[spec.Kind]),
		trace.WithTimestamp(timeOf(spec.Start)), trace.WithAttributes(attributes(spec.Attributes)...),
		trace.WithLinks(d.links(spec.Links)...))
	own := span.SpanContext()
	d.contexts[spec.Key] = own
	d.out.Spans[spec.Key] = madeSpan{own.TraceID().String(), own.SpanID().String(), int(own.TraceFlags())}
	for _, one := range spec.Events {
		span.AddEvent(one.Name, at(one.Time), trace.WithAttributes(attributes(one.Attributes)...))
	}
	if spec.Exception != nil {
		span.RecordError(errors.New(spec.Exception.Message), at(spec.Exception.Time), trace.WithStackTrace(true))
		recorded := span.(sdktrace.ReadOnlySpan).Events()
		for _, one := range recorded[len(recorded)-1].Attributes {
			text := one.Value.AsString()
			d.out.Exception = append(d.out.Exception, keyValue{string(one.Key), value{StringValue: &text}})
		}
	}
	switch spec.Status.Code {
	case "ok":
		span.SetStatus(codes.Ok, "")
	case "error":
		span.SetStatus(codes.Error, spec.Status.Message)
	}
	span.End(trace.WithTimestamp(timeOf(spec.End)))
}

func main() {
	ctx := context.Background()
	d := driver{
		providers: map[string]*sdktrace.TracerProvider{},
		contexts:  map[string]trace.SpanContext{},
		out:       made{Spans: map[string]madeSpan{}},
	}
	if err := json.NewDecoder(os.Stdin).Decode(&d.scenario); err != nil {
		must(0, err)
	}
	d.state = must(trace.ParseTraceState(d.scenario.TraceState))
	for name, service := range d.scenario.Services {
		options := []otlptracegrpc.Option{otlptracegrpc.WithEndpoint(os.Args[1]), otlptracegrpc.WithInsecure()}
		if len(os.Args) > 2 && os.Args[2] == "gzip" {
			options = append(options, otlptracegrpc.WithCompressor("gzip"))
		}
		exporter := must(otlptracegrpc.New(ctx, options...))
		d.providers[name] = sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter),
			sdktrace.WithResource(resource.NewWithAttributes(service.SchemaURL, attributes(service.Attributes)...)))
	}
	for _, spec := range d.scenario.Spans {
		d.send(spec)
	}
	for _, provider := range d.providers {
		must(0, provider.Shutdown(ctx))
	}
	must(0, json.NewEncoder(os.Stdout).Encode(d.out))
}
