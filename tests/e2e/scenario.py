"""One trace with everything that an OpenTelemetry SDK can write, told as data: each language's driver makes it with
its SDK, and the tests expect to read back what stands here. Attribute values are written as in OTLP JSON."""
import time

OTHER_TRACE = "0af7651916cd43dd8448eb211c80319c"
OTHER_SPAN = "b7ad6b7169203331"
TRACE_STATE = "vendor=t61rcWkgMzE,other=1"


def text(key, value):
    return {"key": key, "value": {"stringValue": value}}


def every_kind(language):
    """Each kind of value, with the bounds that the language can express."""
    values = [
        ("text", {"stringValue": "Grüße, 世界 🧵"}),
        ("text.empty", {"stringValue": ""}),
        ("yes", {"boolValue": True}),
        ("no", {"boolValue": False}),
        ("int", {"intValue": "-42"}),
        ("int.zero", {"intValue": "0"}),
        ("double", {"doubleValue": 2.5}),
        ("double.small", {"doubleValue": -1.25e-7}),
        ("texts", {"arrayValue": {"values": [{"stringValue": "a"}, {"stringValue": "b"}]}}),
        ("ints", {"arrayValue": {"values": [{"intValue": "1"}, {"intValue": "-2"}]}}),
        ("doubles", {"arrayValue": {"values": [{"doubleValue": 0.5}, {"doubleValue": 1.5}]}}),
        ("bools", {"arrayValue": {"values": [{"boolValue": True}, {"boolValue": False}]}}),
    ]
    if language != "node":  # its numbers are doubles, its JSON has no NaN, and it drops bytes and maps
        values += [
            ("bytes", {"bytesValue": "AAH+/w=="}),
            ("map", {"kvlistValue": {"values": [
                text("a", "x"),
                {"key": "b", "value": {"arrayValue": {"values": [{"intValue": "1"}, {"stringValue": "mixed"}]}}},
            ]}}),
            ("int.max", {"intValue": "9223372036854775807"}),
            ("int.min", {"intValue": "-9223372036854775808"}),
            ("double.nan", {"doubleValue": "NaN"}),
            ("double.infinite", {"doubleValue": "Infinity"}),
            ("double.whole", {"doubleValue": 3.0}),
        ]
    return [{"key": key, "value": value} for key, value in values]


def make(language):
    start = time.time_ns() - 2_000_000_000

    def at(microseconds, nanoseconds=0):
        return str(start + microseconds * 1000 + nanoseconds)

    return {
        "traceState": TRACE_STATE,
        "services": {
            "shop": {
                "attributes": [text("service.name", f"shop-{language}"), text("service.version", "1.4.2"),
                               {"key": "process.pid", "value": {"intValue": "4711"}}],
                "schemaUrl": "https://opentelemetry.io/schemas/1.36.0",
            },
            "cart": {"attributes": [text("service.name", f"cart-{language}")], "schemaUrl": ""},
        },
        "scopes": {
            "http": {"name": "shop.http", "version": "0.9.1", "schemaUrl": "https://opentelemetry.io/schemas/1.30.0",
                     # Node's SDK has no scope attributes.
                     "attributes": [] if language == "node" else [text("library.language", language)]},
            "plain": {"name": "cart", "version": "", "schemaUrl": "", "attributes": []},
        },
        "spans": [
            {"key": "checkout", "service": "shop", "scope": "http", "parent": None, "name": "POST /checkout",
             "kind": "server", "start": at(0, 7), "end": at(900_000, 11), "status": {"code": "ok", "message": ""},
             "attributes": every_kind(language), "events": [], "links": []},
            {"key": "charge", "service": "shop", "scope": "http", "parent": "checkout", "name": "charge card",
             "kind": "client", "start": at(1_000), "end": at(300_000), "attributes": [text("peer.service", "bank")],
             "status": {"code": "error", "message": "card declined"},
             "exception": {"message": "card declined: 51", "time": at(299_000, 3)}, "events": [], "links": []},
            # Over the wire: its parent is remote, and hands on a trace state.
            {"key": "reserve", "service": "cart", "scope": "plain", "parent": "checkout", "isRemote": True,
             "name": "PUT /cart/{id}", "kind": "server", "start": at(310_000), "end": at(500_000),
             "status": {"code": "unset", "message": ""}, "attributes": [text("http.route", "/cart/{id}")],
             "events": [
                 {"name": "cache miss", "time": at(320_000, 1), "attributes": [text("cache", "redis")]},
                 {"name": "retry", "time": at(330_000, 2), "attributes": []}],
             "links": [
                 {"traceId": OTHER_TRACE, "spanId": OTHER_SPAN, "isRemote": True,
                  "attributes": [text("why", "batched"), {"key": "n", "value": {"intValue": "3"}}]}]},
            {"key": "publish", "service": "cart", "scope": "plain", "parent": "reserve", "name": "orders publish",
             "kind": "producer", "start": at(400_000), "end": at(410_000), "status": {"code": "unset", "message": ""},
             "attributes": [], "events": [], "links": []},
            {"key": "consume", "service": "shop", "scope": "plain", "parent": "publish", "isRemote": True,
             "name": "orders process", "kind": "consumer", "start": at(600_000), "end": at(1_200_000),
             "status": {"code": "unset", "message": ""}, "attributes": [], "events": [], "links": []},
            {"key": "pack", "service": "shop", "scope": "plain", "parent": "consume", "name": "pack",
             "kind": "internal", "start": at(700_000), "end": at(700_000), "status": {"code": "unset", "message": ""},
             "attributes": [], "events": [], "links": []},
        ],
    }


# What OTLP's numbers are.
KINDS = {"unspecified": 0, "internal": 1, "server": 2, "client": 3, "producer": 4, "consumer": 5}
STATUSES = {"unset": 0, "ok": 1, "error": 2}
HAS_IS_REMOTE, IS_REMOTE = 0x100, 0x200


def expected(scenario, made, language):
    """{span id: span} in the form of reading.py. `made` is what the driver reports: per span key its ids and W3C
    flags, and the exception that it recorded."""
    from reading import canonical_attributes

    spans = {}
    for span in scenario["spans"]:
        own = made["spans"][span["key"]]
        parent = made["spans"][span["parent"]] if span["parent"] else None
        service, scope = scenario["services"][span["service"]], scenario["scopes"][span["scope"]]
        # Python's exporter leaves the W3C flags out.
        w3c_flags = 0 if language == "python" else own["flags"]
        is_in_other_process = span.get("isRemote") or (parent and spans[parent["spanId"]]["traceState"])
        spans[own["spanId"]] = {
            "traceId": own["traceId"], "parent": parent["spanId"] if parent else "",
            "name": span["name"], "kind": KINDS[span["kind"]],
            "start": int(span["start"]), "end": int(span["end"]),
            "status": (STATUSES[span["status"]["code"]], span["status"]["message"]),
            "traceState": TRACE_STATE if is_in_other_process else "",
            "flags": w3c_flags | HAS_IS_REMOTE | (IS_REMOTE if span.get("isRemote") else 0),
            "attributes": canonical_attributes(span["attributes"]), "droppedAttributes": 0,
            "events": [(int(event["time"]), event["name"], canonical_attributes(event["attributes"]), 0)
                       for event in span["events"]] + exception_events(span, made),
            "droppedEvents": 0,
            "links": [(link["traceId"], link["spanId"], TRACE_STATE if language == "node" else "",
                       (0 if language == "python" else 1) | HAS_IS_REMOTE | IS_REMOTE,
                       canonical_attributes(link["attributes"]), 0) for link in span["links"]],
            "droppedLinks": 0,
            "resource": (canonical_attributes(service["attributes"]), 0, service["schemaUrl"]),
            "scope": (scope["name"], scope["version"], canonical_attributes(scope["attributes"]), 0,
                      scope["schemaUrl"]),
        }
    return spans


def exception_events(span, made):
    from reading import canonical_attributes

    if "exception" not in span:
        return []
    # The SDK itself makes type and stack; the driver reports them.
    return [(int(span["exception"]["time"]), "exception", canonical_attributes(made["exception"]), 0)]
