"""What the OTLP specification asks of a server, over the wire."""
import json
import os

import grpc
import pytest
import requests
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest, ExportTraceServiceResponse)
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

import reading
from server import eventually
from wire import PROTOBUF, attribute, grpc_refusal, new_trace_id, request, send_grpc, send_http, span

JSON = {"Content-Type": "application/json"}


def json_body(trace_id, **fields):
    one = {"traceId": trace_id.hex(), "spanId": os.urandom(8).hex(), "name": "json",
           "startTimeUnixNano": "1700000000000000000", "endTimeUnixNano": "1700000000000000007"} | fields
    return {"resourceSpans": [{"scopeSpans": [{"spans": [one]}]}]}


def test_full_success_leaves_partial_success_unset(shared_server):
    body = request(span(new_trace_id())).SerializeToString()
    answer = send_http(shared_server, body)
    assert (answer.status_code, answer.headers["Content-Type"], answer.content) == (200, "application/x-protobuf", b"")
    assert send_grpc(shared_server, body) == b""
    answer = requests.post(shared_server.otlp, json=json_body(new_trace_id()))
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    assert "partialSuccess" not in answer.json()


def test_invalid_spans_are_rejected_by_themselves(shared_server):
    trace_id = new_trace_id()
    good, no_trace, no_span = span(trace_id), span(b""), span(trace_id)
    no_span.span_id = bytes(8)
    body = request(good, no_trace, no_span).SerializeToString()
    for answer in (send_http(shared_server, body).content, send_grpc(shared_server, body)):
        told = ExportTraceServiceResponse.FromString(answer).partial_success
        assert told.rejected_spans == 2 and told.error_message
    shared_server.eventually_found(trace_id.hex(), 1)


@pytest.mark.parametrize("body", [b"\xff", b"no protobuf", b"\x0a\x7fshort", b"\x0a\x02\x0a\x05"])
def test_what_cannot_be_decoded_is_a_400_and_never_to_be_sent_again(shared_server, body):
    answer = send_http(shared_server, body)
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/x-protobuf")
    status = Status.FromString(answer.content)
    assert status.code == grpc.StatusCode.INVALID_ARGUMENT.value[0] and status.message
    code, sentence, _ = grpc_refusal(shared_server, body)
    assert code == grpc.StatusCode.INVALID_ARGUMENT and sentence


@pytest.mark.parametrize("body", ["{", "[]", '{"resourceSpans": 7}', "",
                                  '{"resourceSpans":[{"scopeSpans":[{"spans":"x"}]}]}'])
def test_malformed_json_is_answered_in_json(shared_server, body):
    answer = requests.post(shared_server.otlp, data=body, headers=JSON)
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/json")
    assert answer.json()["message"]


def test_a_broken_span_in_json_is_rejected_by_itself(shared_server):
    trace_id = new_trace_id()
    value = {"intValue": 1}
    for _ in range(40):
        value = {"arrayValue": {"values": [value]}}
    body = json_body(trace_id)
    spans = body["resourceSpans"][0]["scopeSpans"][0]["spans"]
    spans += [spans[0] | bad for bad in ({"traceId": "xyz"}, {"spanId": "0102"}, {"parentSpanId": "no"},
                                         {"attributes": [{"key": "deep", "value": value}]})]
    answer = requests.post(shared_server.otlp, json=body)
    assert answer.status_code == 200
    told = answer.json()["partialSuccess"]
    assert told["rejectedSpans"] == "4" and told["errorMessage"]
    shared_server.eventually_found(trace_id.hex(), 1)


def test_nesting_without_end_is_refused(shared_server):
    deep = '{"arrayValue":{"values":[' * 20_000
    body = json.dumps(json_body(new_trace_id(), attributes=[{"key": "deep", "value": "@"}])).replace('"@"', deep)
    assert requests.post(shared_server.otlp, data=body, headers=JSON).status_code == 400


def test_another_content_type_is_a_415(shared_server):
    for kind in ("text/plain", "application/xml", ""):
        answer = requests.post(shared_server.otlp, data=b"", headers={"Content-Type": kind})
        assert answer.status_code == 415, kind


def test_an_encoding_that_is_unknown_or_broken_is_refused(shared_server):
    body = request(span(new_trace_id())).SerializeToString()
    for encoding, wanted in (("br", 415), ("gzip", 400)):
        answer = send_http(shared_server, body, Content_Encoding=encoding)
        assert (answer.status_code, answer.headers["Content-Type"]) == (wanted, "application/x-protobuf")
        status = Status.FromString(answer.content)
        assert status.code == grpc.StatusCode.INVALID_ARGUMENT.value[0] and status.message
        answer = requests.post(shared_server.otlp, data=b"{}", headers=JSON | {"Content-Encoding": encoding})
        assert (answer.status_code, answer.headers["Content-Type"]) == (wanted, "application/json")
        assert answer.json()["code"] == status.code and answer.json()["message"] == status.message


def test_only_traces_are_taken(shared_server):
    for signal in ("metrics", "logs"):
        answer = requests.post(shared_server.otlp.replace("traces", signal), data=b"", headers=PROTOBUF)
        assert answer.status_code == 404
    code, sentence, _ = grpc_refusal(
        shared_server, b"", method="/opentelemetry.proto.collector.logs.v1.LogsService/Export")
    assert code == grpc.StatusCode.UNIMPLEMENTED and "traces" in sentence


def test_an_empty_request_is_a_success(shared_server):
    assert send_http(shared_server, b"").status_code == 200
    assert send_grpc(shared_server, b"") == b""


def test_json_numbers_may_be_texts_and_unknown_fields_are_passed_over(shared_server):
    trace_id = new_trace_id()
    body = json_body(trace_id, startTimeUnixNano=1700000000000000000, kind=3, fromTheFuture={"a": [1]}, attributes=[
        {"key": "text", "value": {"intValue": "7"}}, {"key": "number", "value": {"intValue": 8}},
        {"key": "bytes", "value": {"bytesValue": "AAH+/w=="}},
        {"key": "map", "value": {"kvlistValue": {"values": [{"key": "a", "value": {"boolValue": True}}]}}}])
    body["traceId"] = body["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["traceId"].upper()
    assert requests.post(shared_server.otlp, json=body).status_code == 200
    shared_server.eventually_found(trace_id.hex(), 1)
    read, = reading.native_json(shared_server, trace_id.hex()).values()
    assert (read["kind"], read["start"]) == (3, 1700000000000000000)
    assert read["attributes"] == [("bytes", ("bytes", "AAH+/w==")), ("map", ("map", [("a", ("bool", True))])),
                                  ("number", ("int", 8)), ("text", ("int", 7))]


@pytest.mark.parametrize("kind", range(6))
def test_the_kinds_keep_their_numbers(shared_server, kind):
    trace_id = new_trace_id()
    send_http(shared_server, request(span(trace_id, kind=kind)).SerializeToString())
    shared_server.eventually_found(trace_id.hex(), 1)
    for read in (reading.native_protobuf, reading.native_json, reading.jaeger_v3):
        one, = read(shared_server, trace_id.hex()).values()
        assert one["kind"] == kind
    one, = reading.jaeger_v1(shared_server, trace_id.hex()).values()
    names = ["", "internal", "server", "client", "producer", "consumer"]
    assert [value for key, _, value in one["tags"] if key == "span.kind"] == [names[kind]][:kind]


def fill(message, depth=0):
    """Every field of a message, with values that differ from their defaults."""
    for field in message.DESCRIPTOR.fields:
        if "strindex" in field.name:  # of profiles, never of traces
            continue
        if field.message_type is not None:
            if depth > 7 or (field.name in ("array_value", "kvlist_value") and depth > 5) or "entity" in field.name:
                continue
            target = getattr(message, field.name)
            fill(target.add() if field.is_repeated else target, depth + 1)
        elif field.containing_oneof is None or field.name == "string_value":
            value = {field.CPPTYPE_STRING: f"a {field.name}", field.CPPTYPE_ENUM: 2, field.CPPTYPE_BOOL: True,
                     field.CPPTYPE_DOUBLE: 1.5}.get(field.cpp_type, 0xF7)
            if field.type == field.TYPE_BYTES:
                value = b"\x07" * 8
            if not field.is_repeated:
                setattr(message, field.name, value)
    return message


def test_every_field_of_the_protocol_survives_and_so_do_unknown_ones(make_server):
    server = make_server("--set", "decision_wait=200ms").start()
    sent = fill(ExportTraceServiceRequest())
    one = sent.resource_spans[0].scope_spans[0].spans[0]
    trace_id = new_trace_id()
    one.trace_id, one.links[0].trace_id = trace_id, new_trace_id()
    one.start_time_unix_nano, one.end_time_unix_nano = 1_700_000_000_000_000_000, 1_700_000_000_000_000_500
    raw = one.SerializeToString() + b"\xba\xbb\x06\x06future"  # field 13,239, of a later protocol
    one.ParseFromString(raw)
    assert send_http(server, sent.SerializeToString()).status_code == 200
    for is_open in (True, False):
        eventually(lambda: server.span_count(trace_id.hex()) == 1 and
                   (server.get(f"/api/bs/v1/traces/{trace_id.hex()}").json()["open"] or not is_open), "there")
        if not is_open:
            eventually(lambda: not server.get(f"/api/bs/v1/traces/{trace_id.hex()}").json()["open"], "sealed")
        answer = server.get(f"/api/bs/v1/traces/{trace_id.hex()}", headers={"Accept": "application/x-protobuf"})
        got = TracesData.FromString(answer.content)
        assert str(got) == str(sent)


# --- browsers

PREFLIGHT = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST",
             "Access-Control-Request-Headers": "content-type,x-token"}


def test_browsers_of_other_origins_are_refused_by_default(shared_server):
    answer = requests.options(shared_server.otlp, headers=PREFLIGHT)
    assert answer.status_code in (403, 404, 405)
    assert "Access-Control-Allow-Origin" not in answer.headers
    answer = send_http(shared_server, b"", Origin="https://shop.example")
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_configured_origins_may_send(make_server):
    server = make_server("--set", "otlp_http.cors_origins=https://shop.example,https://other.example").start()
    answer = requests.options(server.otlp, headers=PREFLIGHT)
    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Origin"] == "https://shop.example"
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    assert "x-token" in answer.headers["Access-Control-Allow-Headers"]
    for encoding in ("identity", "gzip", "br"):  # the refused ones too, or the page could not read why
        answer = send_http(server, b"x", Origin="https://shop.example", Content_Encoding=encoding)
        assert answer.status_code in (400, 415)
        assert answer.headers["Access-Control-Allow-Origin"] == "https://shop.example"
    assert send_http(server, b"", Origin="https://shop.example").headers["Access-Control-Allow-Origin"]
    stranger = requests.options(server.otlp, headers=PREFLIGHT | {"Origin": "https://evil.example"})
    assert stranger.status_code == 403 and "Access-Control-Allow-Origin" not in stranger.headers


# --- the way in for secrets is closed before anything is written

SECRET = "s3cr3t-hunter2-value"


def test_secrets_are_masked_in_answers_and_in_every_file(make_server):
    server = make_server("--set", "decision_wait=200ms").start()
    trace_id = new_trace_id()
    keys = ["http.request.header.authorization", "HTTP.Request.Header.Set-Cookie", "db.Password", "api_key",
            "x-api-key", "client_secret", "access.token"]
    one = span(trace_id, attributes=[attribute(key, SECRET) for key in keys] + [attribute("user.id", "u42")])
    one.events.add(name="login", attributes=[attribute("session.cookie", SECRET)])
    one.links.add(trace_id=new_trace_id(), span_id=os.urandom(8), attributes=[attribute("token", SECRET)])
    nested = one.attributes.add(key="headers").value.kvlist_value.values.add(key="Authorization")
    nested.value.string_value = SECRET
    sent = request(one)
    sent.resource_spans[0].resource.attributes.add(key="deploy.token").value.string_value = SECRET
    sent.resource_spans[0].scope_spans[0].scope.attributes.add(key="password").value.string_value = SECRET
    assert send_grpc(server, sent.SerializeToString()) == b""
    as_json = json_body(trace_id, attributes=[{"key": "authorization", "value": {"stringValue": SECRET}}])
    assert requests.post(server.otlp, json=as_json).status_code == 200
    server.eventually_found(trace_id.hex(), 2)
    eventually(lambda: not server.get(f"/api/bs/v1/traces/{trace_id.hex()}").json()["open"], "sealed")
    text = server.get(f"/api/bs/v1/traces/{trace_id.hex()}").text
    assert SECRET not in text and "u42" in text and "http.request.header.authorization" in text
    assert server.metric("backstitch_values_masked_total") == len(keys) + 6
    server.stop()
    # Zeroed out in the log as well; the store's frames are compressed, so what they hold was read above.
    for path in server.data.rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path
    assert SECRET not in server.log()
