"""Makes a scenario's spans with Python's OpenTelemetry SDK."""
import base64

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.trace.span import TraceState


class CardDeclined(Exception):
    pass


def value_of(value):
    (kind, content), = value.items()
    if kind == "intValue":
        return int(content)
    if kind == "doubleValue":
        return float(content)
    if kind == "bytesValue":
        return base64.b64decode(content)
    if kind == "arrayValue":
        return [value_of(one) for one in content["values"]]
    if kind == "kvlistValue":
        return attributes_of(content["values"])
    return content


def attributes_of(attributes):
    return {one["key"]: value_of(one["value"]) for one in attributes}


class Driver:
    """One TracerProvider and exporter per service, as if each were a process."""

    def __init__(self, scenario, make_exporter):
        self.scenario = scenario
        self.trace_state = TraceState.from_header([scenario["traceState"]])
        self.made = {}
        self.exception = []
        self.providers = {}
        for name, service in scenario["services"].items():
            resource = Resource(attributes_of(service["attributes"]), service["schemaUrl"])
            provider = TracerProvider(resource=resource)
            provider.add_span_processor(BatchSpanProcessor(make_exporter()))
            self.providers[name] = provider

    def send(self):
        """Blocks until all is exported. Returns the ids."""
        for span in self.scenario["spans"]:
            self.send_one(span)
        for provider in self.providers.values():
            assert provider.force_flush()
            provider.shutdown()
        spans = {key: {"traceId": f"{context.trace_id:032x}", "spanId": f"{context.span_id:016x}",
                       "flags": int(context.trace_flags)} for key, context in self.made.items()}
        return {"spans": spans, "exception": self.exception}

    def context_of(self, span):
        if not span["parent"]:
            return None
        parent = self.made[span["parent"]]
        if span.get("isRemote"):
            parent = SpanContext(parent.trace_id, parent.span_id, True, parent.trace_flags, self.trace_state)
        return trace.set_span_in_context(NonRecordingSpan(parent))

    def link(self, link):
        context = SpanContext(int(link["traceId"], 16), int(link["spanId"], 16), link["isRemote"],
                              TraceFlags(TraceFlags.SAMPLED), self.trace_state)
        return Link(context, attributes_of(link["attributes"]))

    def send_one(self, spec):
        scope = self.scenario["scopes"][spec["scope"]]
        tracer = self.providers[spec["service"]].get_tracer(
            scope["name"], scope["version"], schema_url=scope["schemaUrl"],
            attributes=attributes_of(scope["attributes"]))
        span = tracer.start_span(spec["name"], context=self.context_of(spec), kind=SpanKind[spec["kind"].upper()],
                                 attributes=attributes_of(spec["attributes"]), start_time=int(spec["start"]),
                                 links=[self.link(link) for link in spec["links"]])
        self.made[spec["key"]] = span.get_span_context()
        for event in spec["events"]:
            span.add_event(event["name"], attributes_of(event["attributes"]), int(event["time"]))
        if "exception" in spec:
            try:
                raise CardDeclined(spec["exception"]["message"])
            except CardDeclined as error:
                span.record_exception(error, timestamp=int(spec["exception"]["time"]))
            recorded = dict(span.events[-1].attributes)
            assert recorded["exception.type"].endswith("CardDeclined")
            assert "send_one" in recorded["exception.stacktrace"]
            self.exception = [{"key": key, "value": {"stringValue": value}} for key, value in recorded.items()]
        if spec["status"]["code"] != "unset":
            code = {"ok": StatusCode.OK, "error": StatusCode.ERROR}[spec["status"]["code"]]
            span.set_status(Status(code, spec["status"]["message"] or None))
        span.end(int(spec["end"]))
