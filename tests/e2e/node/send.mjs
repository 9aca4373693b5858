// Reads a scenario from stdin, makes its spans with Node's OpenTelemetry SDK, sends them as OTLP JSON over HTTP to the
// URL given, and prints their ids.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createTraceState, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, TraceFlags } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';

const [url, compression] = process.argv.slice(2);
const scenario = JSON.parse(readFileSync(0, 'utf8'));
const traceState = createTraceState(scenario.traceState);
const made = new Map();
let exception = [];

class CardDeclined extends Error {
  name = 'CardDeclined';
}

function valueOf(value) {
  const [kind, content] = Object.entries(value)[0];
  if (kind === 'intValue') return Number(content);
  if (kind === 'bytesValue') return new Uint8Array(Buffer.from(content, 'base64'));
  if (kind === 'arrayValue') return content.values.map(valueOf);
  if (kind === 'kvlistValue') return attributesOf(content.values);
  return content;
}

const attributesOf = (attributes) => Object.fromEntries(attributes.map(({ key, value }) => [key, valueOf(value)]));

// The SDK's pair of seconds and nanoseconds.
function timeOf(nanoseconds) {
  const all = BigInt(nanoseconds);
  return [Number(all / 1_000_000_000n), Number(all % 1_000_000_000n)];
}

const providers = new Map(
  Object.entries(scenario.services).map(([name, { attributes, schemaUrl }]) => {
    const resource = resourceFromAttributes(attributesOf(attributes), schemaUrl ? { schemaUrl } : undefined);
    const exporter = new OTLPTraceExporter({ url, compression });
    return [name, new BasicTracerProvider({ resource, spanProcessors: [new BatchSpanProcessor(exporter)] })];
  }),
);

function contextOf({ parent, isRemote = false }) {
  if (!parent) return ROOT_CONTEXT;
  const context = made.get(parent);
  return trace.setSpanContext(ROOT_CONTEXT, isRemote ? { ...context, isRemote, traceState } : context);
}

function send(spec) {
  const scope = scenario.scopes[spec.scope];
  const options = scope.schemaUrl ? { schemaUrl: scope.schemaUrl } : {};
  const tracer = providers.get(spec.service).getTracer(scope.name, scope.version, options);
  const links = spec.links.map(({ traceId, spanId, isRemote, attributes }) => ({
    context: { traceId, spanId, isRemote, traceFlags: TraceFlags.SAMPLED, traceState },
    attributes: attributesOf(attributes),
  }));
  const span = tracer.startSpan(
    spec.name,
    {
      kind: SpanKind[spec.kind.toUpperCase()],
      startTime: timeOf(spec.start),
      attributes: attributesOf(spec.attributes),
      links,
    },
    contextOf(spec),
  );
  made.set(spec.key, span.spanContext());
  for (const event of spec.events) span.addEvent(event.name, attributesOf(event.attributes), timeOf(event.time));
  if (spec.exception) {
    span.recordException(new CardDeclined(spec.exception.message), timeOf(spec.exception.time));
    const recorded = span.events.at(-1).attributes;
    assert.equal(recorded['exception.type'], 'CardDeclined');
    assert.match(recorded['exception.stacktrace'], /send\.mjs/);
    exception = Object.entries(recorded).map(([key, stringValue]) => ({ key, value: { stringValue } }));
  }
  const { code, message } = spec.status;
  if (code !== 'unset') span.setStatus({ code: SpanStatusCode[code.toUpperCase()], message });
  span.end(timeOf(spec.end));
}

for (const spec of scenario.spans) send(spec);
for (const provider of providers.values()) await provider.shutdown();
const spans = Object.fromEntries(
  [...made].map(([key, { traceId, spanId, traceFlags }]) => [key, { traceId, spanId, flags: traceFlags }]),
);
console.log(JSON.stringify({ spans, exception }));
