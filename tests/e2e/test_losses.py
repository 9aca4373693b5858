"""What SDKs lost, as any client may say it: docs/spec/sdk-drops.md. The C++ SDK itself is test_sdk_cpp.py's."""
import json

import pytest

from server import backstitch
from wire import attribute, new_trace_id, request, send_grpc, send_http, span


def told(instance, *spans, **dropped):
    """A request of `spans` whose resource says what was `dropped`."""
    message = request(*spans, service="shop")
    resource = message.resource_spans[0].resource
    if instance is not None:
        resource.attributes.add(**attribute("service.instance.id", instance))
    for reason, count in dropped.items():
        resource.attributes.add(key=f"backstitch.sdk.dropped.{reason}", value={"int_value": count})
    if not spans:
        del message.resource_spans[0].scope_spans[:]
    return message.SerializeToString()


def losses(server):
    """{instance: {reason: spans}}"""
    answer = json.loads(backstitch("losses", "--json", "--server", server.url(""), check=0).stdout)
    return {one["instance"]: {r["reason"]: r["spans"] for r in one["reasons"]} for one in answer["losses"]}


@pytest.mark.parametrize("send", [send_http, send_grpc])
def test_requests_with_and_without_spans_are_heard(server, send):
    trace_id = new_trace_id()
    send(server, told("a", queue_full=5))
    send(server, told("b", span(trace_id), span(trace_id), rejected=1, export_failed=512))
    send(server, told("a", queue_full=3))  # comes late
    send(server, told("c", span(trace_id)))
    assert losses(server) == {"a": {"queue_full": 5}, "b": {"export_failed": 512, "rejected": 1}}


def test_a_restart_learns_them_anew_and_stored_spans_still_tell(server):
    trace_id = new_trace_id()
    send_http(server, told("a", span(trace_id), queue_full=5))
    server.eventually_found(trace_id.hex(), 1)
    server.kill()
    server.start()
    assert losses(server) == {}
    query = "{ resource.backstitch.sdk.dropped.queue_full > 0 }"
    found = server.get("/api/bs/v1/traces", params={"q": query}).json()["traces"]
    assert [one["traceId"] for one in found] == [trace_id.hex()]
    send_http(server, told("a", queue_full=6))
    assert losses(server) == {"a": {"queue_full": 6}}
    assert server.metric("backstitch_sdk_spans_dropped_total", 'reason="queue_full"') == 6


def test_what_cannot_count_is_counted(server):
    send_http(server, told(None, queue_full=-1, rejected=2, novel=3))
    assert losses(server) == {"": {"novel": 3, "rejected": 2}}
    assert server.metric("backstitch_sdk_losses_ignored_total", 'reason="no_count"') == 1
    assert server.metric("backstitch_sdk_spans_dropped_total", 'reason="other"') == 3
