// Span sets for tests: every field and kind of value, the same for the same seed.
#pragma once

#include <iterator>
#include <limits>
#include <string>

#include "base/random.h"
#include "model/trace.h"

namespace backstitch::wire::otlp {

class RandomSpans {
 public:
  explicit RandomSpans(uint64_t seed) : random_(seed) {}

  // `count` spans over a few resources and scopes, those in the order of their first use and all of them used, as
  // decoding gives them. No NaN, which differs from itself.
  model::SpanSet make(size_t count) {
    model::SpanSet set;
    for (size_t i = 0; i < count; ++i) {
      if (i == 0 || random_.chance(0.2)) {
        set.resources.push_back(resource());
        set.scopes.push_back(scope());
      } else if (random_.chance(0.2)) {
        set.scopes.push_back(scope());
      }
      model::Span& one = set.spans.emplace_back(span());
      one.resource = static_cast<uint32_t>(set.resources.size() - 1);
      one.scope = static_cast<uint32_t>(set.scopes.size() - 1);
    }
    return set;
  }

 private:
  template <typename Id>
  Id id() {
    Id made;
    for (uint8_t& byte : made.bytes) byte = static_cast<uint8_t>(random_.next());
    made.bytes[0] |= 1;
    return made;
  }
  std::string text() {
    static constexpr const char* kTexts[] = {"", "cart", "GET /é", "\"quoted\"\\\n\t\x01", "🙂", "a longer text"};
    return kTexts[random_.below(std::size(kTexts))];
  }
  uint32_t small() { return static_cast<uint32_t>(random_.below(4)); }
  model::Timestamp time() { return {random_.chance(0.1) ? random_.next() : 1'700'000'000'000'000'000 + small()}; }

  model::Value value(int depth) {
    switch (random_.below(depth > 3 ? 6 : 8)) {
      case 0:
        return {};
      case 1:
        return text();
      case 2:
        return random_.chance(0.5);
      case 3:
        return static_cast<int64_t>(random_.next());
      case 4:
        return random_.chance(0.2) ? -std::numeric_limits<double>::infinity() : random_.unit() * 1e9;
      case 5:
        return model::Bytes{text() + '\xff' + '\0'};
      case 6: {
        model::Array array;
        for (uint32_t i = small(); i > 0; --i) array.values.push_back(value(depth + 1));
        return array;
      }
      default:
        return model::KeyValues{attributes(depth + 1)};
    }
  }
  model::Attributes attributes(int depth = 0) {
    model::Attributes made;
    for (uint32_t i = small(); i > 0; --i) made.push_back({text(), value(depth)});
    return made;
  }
  model::Resource resource() {
    model::Resource made{.attributes = attributes(), .dropped_attributes_count = small(), .schema_url = text()};
    made.attributes.push_back({"service.name", text()});
    return made;
  }
  model::Scope scope() {
    return {.name = text(),
            .version = text(),
            .attributes = attributes(),
            .dropped_attributes_count = small(),
            .schema_url = text()};
  }
  model::Event event() {
    return {.time = time(), .name = text(), .attributes = attributes(), .dropped_attributes_count = small()};
  }
  model::Link link() {
    return {.trace_id = id<model::TraceId>(),
            .span_id = id<model::SpanId>(),
            .trace_state = text(),
            .attributes = attributes(),
            .dropped_attributes_count = small(),
            .flags = small()};
  }
  model::Span span() {
    model::Span made;
    made.trace_id = id<model::TraceId>();
    made.span_id = id<model::SpanId>();
    if (random_.chance(0.7)) made.parent_span_id = id<model::SpanId>();
    made.trace_state = text();
    made.flags = small();
    made.name = text();
    made.kind = static_cast<model::SpanKind>(random_.below(6));
    made.start = time();
    made.end = time();
    made.attributes = attributes();
    made.dropped_attributes_count = small();
    for (uint32_t i = small(); i > 0; --i) made.events.push_back(event());
    made.dropped_events_count = small();
    for (uint32_t i = small(); i > 0; --i) made.links.push_back(link());
    made.dropped_links_count = small();
    made.status = {static_cast<model::StatusCode>(random_.below(3)), text()};
    return made;
  }

  base::Random random_;
};

}  // namespace backstitch::wire::otlp
