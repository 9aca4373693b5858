"""A trace as each API tells it, in one form: {span id: span with every field}, so that any two can be compared.
Attributes are sorted by key, since SDKs do not keep their order."""
import base64
import json
import math

from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from scenario import KINDS, STATUSES


# --- values: (kind, value)

def canonical_value(value):
    """Of OTLP JSON."""
    if not value:
        return ("empty", None)
    (kind, content), = value.items()
    if kind == "intValue":
        return ("int", int(content))
    if kind == "doubleValue":
        return ("double", repr(float(content)))  # NaN equals itself so
    if kind == "arrayValue":
        return ("array", [canonical_value(one) for one in content.get("values", [])])
    if kind == "kvlistValue":
        return ("map", canonical_attributes(content.get("values", [])))
    return ({"stringValue": "text", "boolValue": "bool", "bytesValue": "bytes"}[kind], content)


def canonical_attributes(attributes):
    return sorted(((one["key"], canonical_value(one.get("value", {}))) for one in attributes), key=lambda pair: pair[0])


def json_of(value):
    """Of a protobuf AnyValue, as OTLP JSON has it."""
    kind = value.WhichOneof("value")
    if kind is None:
        return {}
    content = getattr(value, kind)
    if kind == "bytes_value":
        return {"bytesValue": base64.b64encode(content).decode()}
    if kind == "array_value":
        return {"arrayValue": {"values": [json_of(one) for one in content.values]}}
    if kind == "kvlist_value":
        return {"kvlistValue": {"values": [{"key": one.key, "value": json_of(one.value)} for one in content.values]}}
    return {{"string_value": "stringValue", "bool_value": "boolValue", "int_value": "intValue",
             "double_value": "doubleValue"}[kind]: content}


def protobuf_attributes(attributes):
    return canonical_attributes([{"key": one.key, "value": json_of(one.value)} for one in attributes])


# --- the APIs

def native_protobuf(server, trace_id):
    answer = server.get(f"/api/bs/v1/traces/{trace_id}", headers={"Accept": "application/x-protobuf"})
    assert answer.headers["Content-Type"] == "application/x-protobuf"
    return from_protobuf(TracesData.FromString(answer.content))


def from_protobuf(data):
    spans = {}
    for resource_spans in data.resource_spans:
        resource = (protobuf_attributes(resource_spans.resource.attributes),
                    resource_spans.resource.dropped_attributes_count, resource_spans.schema_url)
        for scope_spans in resource_spans.scope_spans:
            scope = (scope_spans.scope.name, scope_spans.scope.version,
                     protobuf_attributes(scope_spans.scope.attributes), scope_spans.scope.dropped_attributes_count,
                     scope_spans.schema_url)
            for span in scope_spans.spans:
                assert span.span_id.hex() not in spans, "a span stands there twice"
                spans[span.span_id.hex()] = {
                    "traceId": span.trace_id.hex(), "parent": span.parent_span_id.hex(),
                    "name": span.name, "kind": span.kind,
                    "start": span.start_time_unix_nano, "end": span.end_time_unix_nano,
                    "status": (span.status.code, span.status.message),
                    "traceState": span.trace_state, "flags": span.flags,
                    "attributes": protobuf_attributes(span.attributes),
                    "droppedAttributes": span.dropped_attributes_count,
                    "events": [(event.time_unix_nano, event.name, protobuf_attributes(event.attributes),
                                event.dropped_attributes_count) for event in span.events],
                    "droppedEvents": span.dropped_events_count,
                    "links": [(link.trace_id.hex(), link.span_id.hex(), link.trace_state, link.flags,
                               protobuf_attributes(link.attributes), link.dropped_attributes_count)
                              for link in span.links],
                    "droppedLinks": span.dropped_links_count,
                    "resource": resource, "scope": scope,
                }
    return spans


def native_json(server, trace_id):
    trace = server.get(f"/api/bs/v1/traces/{trace_id}").json()
    assert trace["traceId"] == trace_id
    assert trace["spanCount"] == len(trace["spans"])
    spans = {}
    for span in trace["spans"]:
        resource, scope = trace["resources"][span["resource"]], trace["scopes"][span["scope"]]
        start = int(span["startTimeUnixNano"])
        spans[span["spanId"]] = {
            "traceId": trace["traceId"], "parent": span["parentSpanId"],
            "name": span["name"], "kind": KINDS[span["kind"]],
            "start": start, "end": start + int(span["durationNano"]),
            "status": (STATUSES[span["status"]["code"]], span["status"]["message"]),
            "traceState": span["traceState"], "flags": span["flags"],
            "attributes": canonical_attributes(span["attributes"]), "droppedAttributes": span["droppedAttributesCount"],
            "events": [json_event(event) for event in span["events"]], "droppedEvents": span["droppedEventsCount"],
            "links": [json_link(link) for link in span["links"]], "droppedLinks": span["droppedLinksCount"],
            "resource": (canonical_attributes(resource["attributes"]), resource["droppedAttributesCount"],
                         resource["schemaUrl"]),
            "scope": (scope["name"], scope["version"], canonical_attributes(scope["attributes"]),
                      scope["droppedAttributesCount"], scope["schemaUrl"]),
        }
    return spans


def json_event(event):
    return (int(event["timeUnixNano"]), event.get("name", ""), canonical_attributes(event.get("attributes", [])),
            event.get("droppedAttributesCount", 0))


def json_link(link):
    return (link["traceId"], link["spanId"], link.get("traceState", ""), link.get("flags", 0),
            canonical_attributes(link.get("attributes", [])), link.get("droppedAttributesCount", 0))


def jaeger_v3(server, trace_id):
    """OTLP JSON: what is default may be left out."""
    spans = {}
    for resource_spans in server.get(f"/api/v3/traces/{trace_id}").json()["result"]["resourceSpans"]:
        resource = resource_spans.get("resource", {})
        for scope_spans in resource_spans["scopeSpans"]:
            scope = scope_spans.get("scope", {})
            for span in scope_spans["spans"]:
                status = span.get("status", {})
                spans[span["spanId"]] = {
                    "traceId": span["traceId"], "parent": span.get("parentSpanId", ""),
                    "name": span["name"], "kind": span.get("kind", 0),
                    "start": int(span["startTimeUnixNano"]), "end": int(span["endTimeUnixNano"]),
                    "status": (status.get("code", 0), status.get("message", "")),
                    "traceState": span.get("traceState", ""), "flags": span.get("flags", 0),
                    "attributes": canonical_attributes(span.get("attributes", [])),
                    "droppedAttributes": span.get("droppedAttributesCount", 0),
                    "events": [json_event(event) for event in span.get("events", [])],
                    "droppedEvents": span.get("droppedEventsCount", 0),
                    "links": [json_link(link) for link in span.get("links", [])],
                    "droppedLinks": span.get("droppedLinksCount", 0),
                    "resource": (canonical_attributes(resource.get("attributes", [])),
                                 resource.get("droppedAttributesCount", 0), resource_spans.get("schemaUrl", "")),
                    "scope": (scope.get("name", ""), scope.get("version", ""),
                              canonical_attributes(scope.get("attributes", [])),
                              scope.get("droppedAttributesCount", 0), scope_spans.get("schemaUrl", "")),
                }
    return spans


# --- Jaeger v1 is a model of its own: what it must say of a span in the form above

def jaeger_tag(key, value):
    """(key, type, value) of an attribute; lists and maps become JSON texts, bytes base64."""
    kind, content = value
    if kind == "double":
        content = float(content)
        return (key, "float64", content if math.isfinite(content) else str(content))
    if kind == "int":
        is_exact_in_javascript = abs(content) < 2**53
        return (key, "int64", content if is_exact_in_javascript else str(content))
    if kind in ("array", "map"):
        return (key, "string", json.dumps(plain(value), sort_keys=True))
    return (key, {"text": "string", "bool": "bool", "bytes": "binary", "empty": "string"}[kind], content)


def plain(value):
    kind, content = value
    if kind == "array":
        return [plain(one) for one in content]
    if kind == "map":
        return {key: plain(one) for key, one in content}
    return float(content) if kind == "double" else content


def jaeger_expected(span):
    code, message = span["status"]
    scope_name, scope_version, *_ = span["scope"]
    kind = {number: name for name, number in KINDS.items()}[span["kind"]]
    tags = [jaeger_tag(key, value) for key, value in span["attributes"]]
    for key, value in (("otel.scope.name", scope_name), ("otel.scope.version", scope_version),
                       ("span.kind", kind if span["kind"] else ""), ("w3c.tracestate", span["traceState"]),
                       ("otel.status_code", {0: "", 1: "OK", 2: "ERROR"}[code]), ("otel.status_description", message)):
        if value:
            tags.append((key, "string", value))
    if code == 2:
        tags.append(("error", "bool", True))
    references = [("CHILD_OF", span["traceId"], span["parent"])] if span["parent"] else []
    resource_attributes = dict(span["resource"][0])
    return {
        "operationName": span["name"], "startTime": span["start"] // 1000,
        "duration": (span["end"] - span["start"]) // 1000,
        "references": references + [("FOLLOWS_FROM", link[0], link[1]) for link in span["links"]],
        "tags": sorted(tags, key=str),
        "logs": [(time // 1000, sorted([("event", "string", name)] + [jaeger_tag(*one) for one in attributes], key=str))
                 for time, name, attributes, _ in span["events"]],
        "service": resource_attributes.pop("service.name")[1],
        "process": sorted((jaeger_tag(*one) for one in resource_attributes.items()), key=str),
    }


def jaeger_v1(server, trace_id):
    answer = server.get(f"/api/traces/{trace_id}").json()
    trace, = answer["data"]
    assert trace["traceID"] == trace_id and not answer["errors"]

    def tag(one):
        value = one["value"]
        if one["type"] == "string" and value[:1] in ("[", "{"):
            value = json.dumps(json.loads(value), sort_keys=True)
        if one["type"] == "float64" and isinstance(value, str):
            value = str(float(value))
        return (one["key"], one["type"], value)

    spans = {}
    for span in trace["spans"]:
        assert span["traceID"] == trace_id
        process = trace["processes"][span["processID"]]
        spans[span["spanID"]] = {
            "operationName": span["operationName"], "startTime": span["startTime"], "duration": span["duration"],
            "references": [(one["refType"], one["traceID"], one["spanID"]) for one in span["references"]],
            "tags": sorted(map(tag, span["tags"]), key=str),
            "logs": [(log["timestamp"], sorted(map(tag, log["fields"]), key=str)) for log in span["logs"]],
            "service": process["serviceName"], "process": sorted(map(tag, process["tags"]), key=str),
        }
    return spans


def assert_equal(name, actual, wanted):
    """Names the fields that differ, instead of two walls of text."""
    assert sorted(actual) == sorted(wanted), f"{name}: other spans"
    differences = [f"{span_id} {wanted[span_id].get('name', '')} {field}: is {actual[span_id][field]!r}, "
                   f"should be {wanted[span_id][field]!r}"
                   for span_id in wanted for field in wanted[span_id]
                   if actual[span_id][field] != wanted[span_id][field]]
    assert not differences, f"{name}:\n" + "\n".join(differences)


def assert_every_api_tells(server, trace_id, wanted):
    assert_equal("native protobuf", native_protobuf(server, trace_id), wanted)
    assert_equal("native JSON", native_json(server, trace_id), wanted)
    assert_equal("Jaeger v3", jaeger_v3(server, trace_id), wanted)
    assert_equal("Jaeger v1", jaeger_v1(server, trace_id),
                 {span_id: jaeger_expected(span) for span_id, span in wanted.items()})
