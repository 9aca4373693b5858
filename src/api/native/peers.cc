#include "api/native/peers.h"

#include <utility>

#include "api/native/answers.h"

namespace backstitch::api {
namespace {

using base::JsonWriter;
using net::HttpRequest;
using net::HttpResponse;
using Captures = net::HttpRouter::Captures;

HttpResponse take_notes(const PeerCalls& calls, const HttpRequest& request) {
  calls.saw_epoch(request.header("backstitch-epoch").value_or(""));
  const auto notes = model::decode_peer_notes(request.body);
  if (!notes) return native_error(notes.error());
  if (const auto taken = calls.take_notes(*notes); !taken) return native_error(taken.error());
  return json_object([&](JsonWriter& json) {
    json.field("keeps", static_cast<uint64_t>(notes->keeps.size()));
    json.field("moved", static_cast<uint64_t>(notes->moved.size()));
  });
}

void write_differing(JsonWriter& json, const PeersStatus::Differing& one) {
  json.begin_object();
  json.field("from", one.from);
  json.field("epoch", one.epoch);
  json.field("sinceUnixNano", std::to_string(one.since.unix_nanos));
  json.field("lastUnixNano", std::to_string(one.last.unix_nanos));
  json.field("messages", one.messages);
  json.end_object();
}

HttpResponse tell_status(const PeerCalls& calls) {
  const PeersStatus status = calls.status();
  return json_object([&](JsonWriter& json) {
    json.field("self", status.self);
    json.field("epoch", status.epoch);
    json.key("members");
    json.begin_array();
    for (const std::string& member : status.members) json.value(member);
    json.end_array();
    json.key("waiting");
    json.begin_array();
    for (const PeersStatus::Waiting& one : status.waiting) {
      json.begin_object();
      json.field("peer", one.peer);
      json.field("messages", one.messages);
      json.end_object();
    }
    json.end_array();
    json.key("differing");
    json.begin_array();
    for (const PeersStatus::Differing& one : status.differing) write_differing(json, one);
    json.end_array();
  });
}

}  // namespace

void add_peer_routes(net::HttpRouter& router, PeerCalls calls) {
  router.add("POST", kPeerNotesTarget,
             [calls](HttpRequest& request, const Captures&) { return take_notes(calls, request); });
  router.add("GET", "/api/bs/v1/peers/status",
             [calls = std::move(calls)](HttpRequest&, const Captures&) { return tell_status(calls); });
}

}  // namespace backstitch::api
