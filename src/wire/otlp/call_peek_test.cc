#include "wire/otlp/call_peek.h"

#include <gtest/gtest.h>
#include <map>

#include "base/random.h"
#include "wire/otlp/decode.h"
#include "wire/otlp/walk.h"

namespace backstitch::wire::otlp {
namespace {

struct Walked {
  std::string request;
  model::RequestDigest digest;
};

// A request of one span with these attributes.
Walked walked(model::Attributes attributes, std::string name = "pay",
              model::Attributes resource = {{"service.name", "shop"}},
              model::SpanKind kind = model::SpanKind::Unspecified) {
  model::SpanSet set{.resources = {{}}, .scopes = {{}}, .spans = {}};
  set.resources[0].attributes = std::move(resource);
  model::Span& span = set.spans.emplace_back();
  span.trace_id.bytes[0] = span.span_id.bytes[0] = span.parent_span_id.bytes[0] = 1;
  span.trace_state = "a=b";
  span.name = std::move(name);
  span.kind = kind;
  span.attributes = std::move(attributes);
  Walked made{encode_request(set), {}};
  EXPECT_TRUE(Walker({}, {}).walk(made.request, made.digest));
  return made;
}

Peer peer(model::Attributes attributes) {
  const Walked one = walked(std::move(attributes));
  return peer_of_span(one.digest.spans[0].message.of(one.request));
}

TEST(CallPeek, name_and_service_are_found) {
  const Walked one = walked({{"service.name", "not this"}}, "GET /caf\u00e9");
  EXPECT_EQ(name_of_span(one.digest.spans[0].message.of(one.request)), "GET /caf\u00e9");
  EXPECT_EQ(service_of_resource(one.digest.resources[0].message.of(one.request)), "shop");
}

TEST(CallPeek, what_is_not_there_has_the_name_that_the_walk_gives_it) {
  const Walked one = walked({}, "", {{"service.name", int64_t{7}}});
  EXPECT_EQ(name_of_span(one.digest.spans[0].message.of(one.request)), "");
  EXPECT_EQ(service_of_resource(one.digest.resources[0].message.of(one.request)), "unknown_service");
}

TEST(CallPeek, broken_bytes_say_nothing) {
  const Walked one = walked({{"peer.service", "bank"}});
  const std::string_view whole = one.digest.spans[0].message.of(one.request);
  for (size_t size = 0; size < whole.size(); ++size) {
    const std::string_view torn = whole.substr(0, size);
    EXPECT_TRUE(name_of_span(torn).empty() || name_of_span(torn) == "pay");
    EXPECT_TRUE(peer_of_span(torn).name.empty() || peer_of_span(torn).name == "bank") << size;
  }
}

TEST(CallPeek, a_peer_is_named_by_its_service) {
  EXPECT_EQ(peer({{"http.method", "GET"}, {"peer.service", "stripe"}}), (Peer{"stripe", false}));
  EXPECT_EQ(peer({{"server.address", "10.0.0.1"}}), Peer{}) << "an address alone is nobody's name";
  EXPECT_EQ(peer({}), Peer{});
}

TEST(CallPeek, a_database_is_named_by_the_first_of_its_names) {
  const model::Attributes all = {{"db.system", "postgresql"},          {"db.name", "orders"},
                                 {"network.peer.port", int64_t{5432}}, {"network.peer.address", "10.0.0.1"},
                                 {"server.address", "db.internal"},    {"peer.service", "orders-db"}};
  const auto without = [&](size_t last) { return model::Attributes(all.begin(), all.end() - static_cast<int>(last)); };
  EXPECT_EQ(peer(without(0)), (Peer{"orders-db", true}));
  EXPECT_EQ(peer(without(1)), (Peer{"db.internal", true}));
  EXPECT_EQ(peer(without(2)), (Peer{"10.0.0.1:5432", true}));
  EXPECT_EQ(peer(without(3)), (Peer{"orders", true}));
  EXPECT_EQ(peer(without(5)), (Peer{"postgresql", false}));
}

TEST(CallPeek, databases_are_known_by_their_newer_attributes) {
  EXPECT_EQ(peer({{"db.system.name", "mysql"}, {"server.address", "db"}}), (Peer{"db", true}));
  EXPECT_EQ(peer({{"db.namespace", "orders"}}), (Peer{"orders", true}));
}

TEST(CallPeek, the_walk_numbers_peers_as_they_are_named) {
  base::Random random(20261122);
  const std::vector<std::string> keys = {"peer.service",     "db.name",     "db.namespace",   "db.system",
                                         "db.system.name",   "http.method", "server.address", "network.peer.address",
                                         "network.peer.port"};
  std::map<uint64_t, Peer> named;
  for (int i = 0; i < 5'000; ++i) {
    model::Attributes attributes;
    for (const std::string& key : keys) {
      const uint64_t draw = random.below(6);
      if (draw < 2) attributes.push_back({key, draw == 0 ? "5432" : "b"});
      if (draw == 2) attributes.push_back({key, int64_t{7}});
      if (draw == 3) attributes.push_back({key, ""});
    }
    const Walked one = walked(attributes, "pay", {}, model::SpanKind::Client);
    const model::SpanDigest& span = one.digest.spans[0];
    const Peer peer = peer_of_span(span.message.of(one.request));
    ASSERT_NE(span.peer(), 0u);
    ASSERT_EQ(span.peer() == kNoPeer, peer.name.empty());
    if (peer.name.empty()) continue;
    ASSERT_EQ(named.try_emplace(span.peer(), peer).first->second, peer);
  }
  EXPECT_GE(named.size(), 10u);
}

TEST(CallPeek, the_walk_and_who_reads_the_span_later_take_the_last_key_of_an_odd_attribute) {
  const std::string odd(
      "\x0a\x01x\x0a\x0cpeer.service\x12\x06\x0a\x04"
      "bank",
      25);
  const std::string span = std::string("\x0a\x10tttttttttttttttt\x12\x08ssssssss\x30\x03\x4a\x19", 32) + odd;
  ASSERT_EQ(span.size(), 57u);
  std::string request = std::string("\x0a\x3d\x12\x3b\x12\x39", 6) + span;
  model::RequestDigest digest;
  ASSERT_TRUE(Walker({}, {}).walk(request, digest));
  ASSERT_EQ(digest.spans.size(), 1u);
  EXPECT_EQ(peer_of_span(digest.spans[0].message.of(request)).name, "bank");
  const Walked plain = walked({{"peer.service", "bank"}}, "pay", {}, model::SpanKind::Client);
  EXPECT_EQ(digest.spans[0].peer(), plain.digest.spans[0].peer());
}

TEST(CallPeek, who_does_not_call_has_no_number) {
  for (const auto kind : {model::SpanKind::Server, model::SpanKind::Consumer, model::SpanKind::Internal}) {
    EXPECT_EQ(walked({{"peer.service", "bank"}}, "pay", {}, kind).digest.spans[0].peer(), 0u);
  }
}

}  // namespace
}  // namespace backstitch::wire::otlp
