"""OTLP requests made by hand, and the clients that send them without an SDK in between."""
import os
import time

import grpc
import requests
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
PROTOBUF = {"Content-Type": "application/x-protobuf"}


def new_trace_id():
    return os.urandom(16)


def span(trace_id, name="test", **fields):
    now = time.time_ns()
    return Span(trace_id=trace_id, span_id=os.urandom(8), name=name, start_time_unix_nano=now - 1_000_000,
                end_time_unix_nano=now, **fields)


def attribute(key, text):
    return {"key": key, "value": {"string_value": text}}


def request(*spans, service="test"):
    resource_spans = ResourceSpans(resource={"attributes": [attribute("service.name", service)]},
                                   scope_spans=[{"spans": spans}])
    return ExportTraceServiceRequest(resource_spans=[resource_spans])


def send_http(server, body, **headers):
    """Returns the response."""
    return requests.post(server.otlp, data=body, timeout=60,
                         headers=PROTOBUF | {name.replace("_", "-"): value for name, value in headers.items()})


def send_grpc(server, body, method=EXPORT, compression=None):
    """Returns the raw response, or raises grpc.RpcError."""
    with grpc.insecure_channel(server.grpc, options=[("grpc.max_send_message_length", -1)]) as channel:
        return channel.unary_unary(method)(body, timeout=60, compression=compression)


def grpc_refusal(server, body, **kwargs):
    """(code, detail sentence, google.rpc.Status or None) of a request that must be refused."""
    try:
        answer = send_grpc(server, body, **kwargs)
    except grpc.RpcError as error:
        return error.code(), error.details(), status_details(error)
    raise AssertionError(f"not refused: {ExportTraceServiceResponse.FromString(answer)}")


def status_details(error):
    from google.rpc.status_pb2 import Status

    trailers = dict(error.trailing_metadata() or ())
    raw = trailers.get("grpc-status-details-bin")
    return Status.FromString(raw) if raw else None


def retry_delay_seconds(status):
    """Of the RetryInfo in a google.rpc.Status, or None."""
    from google.rpc.error_details_pb2 import RetryInfo

    for detail in status.details:
        info = RetryInfo()
        if detail.Unpack(info):
            return info.retry_delay.seconds + info.retry_delay.nanos / 1e9
    return None
