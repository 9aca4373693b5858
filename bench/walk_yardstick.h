// The yardstick of every figure: one single-threaded protozero walk of every field of the same spans. What a part of
// the program costs is told as a multiple of it, since absolute times differ from machine to machine.
#pragma once

#include <cstdint>
#include <protozero/pbf_reader.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "app/gen/generator.h"

namespace backstitch::bench {

// The same requests for every benchmark: spans of about 500 bytes with 10 to 14 attributes.
struct Corpus {
  std::vector<std::string> requests;
  uint64_t span_count = 0;
  uint64_t bytes = 0;
};

inline Corpus make_corpus(uint64_t spans, uint32_t batch_spans = 720) {
  app::gen::Generator generator({.seed = 1, .batch_spans = batch_spans});
  Corpus corpus;
  const auto take = [&] {
    while (auto request = generator.take_request()) {
      corpus.span_count += request->span_count;
      corpus.bytes += request->bytes.size();
      corpus.requests.push_back(std::move(request->bytes));
    }
  };
  while (generator.span_count() < spans) {
    generator.add_trace();
    take();
  }
  generator.finish();
  take();
  return corpus;
}

// Depths at which a length-delimited field of OTLP is a message; anything else is text or bytes.
enum class Message {
  Request,
  ResourceSpans,
  Resource,
  ScopeSpans,
  Scope,
  Span,
  Event,
  Link,
  Status,
  KeyValue,
  Value,
  Array,
  Map,
  None
};

inline Message message_of(Message in, uint32_t field) {
  switch (in) {
    case Message::Request:
      return field == 1 ? Message::ResourceSpans : Message::None;
    case Message::ResourceSpans:
      return field == 1 ? Message::Resource : field == 2 ? Message::ScopeSpans : Message::None;
    case Message::Resource:
      return field == 1 ? Message::KeyValue : Message::None;
    case Message::ScopeSpans:
      return field == 1 ? Message::Scope : field == 2 ? Message::Span : Message::None;
    case Message::Scope:
      return field == 3 ? Message::KeyValue : Message::None;
    case Message::Span:
      return field == 9    ? Message::KeyValue
             : field == 11 ? Message::Event
             : field == 13 ? Message::Link
             : field == 15 ? Message::Status
                           : Message::None;
    case Message::Event:
      return field == 3 ? Message::KeyValue : Message::None;
    case Message::Link:
      return field == 4 ? Message::KeyValue : Message::None;
    case Message::KeyValue:
      return field == 2 ? Message::Value : Message::None;
    case Message::Value:
      return field == 5 ? Message::Array : field == 6 ? Message::Map : Message::None;
    case Message::Array:
      return field == 1 ? Message::Value : Message::None;
    case Message::Map:
      return field == 1 ? Message::KeyValue : Message::None;
    case Message::Status:
    case Message::None:
      return Message::None;
  }
  return Message::None;
}

// Reads every field once; the sum keeps the compiler from leaving anything out.
inline uint64_t walk_every_field(Message message, protozero::pbf_reader in) {
  uint64_t sum = 0;
  while (in.next()) {
    switch (in.wire_type()) {
      case protozero::pbf_wire_type::varint:
        sum += in.get_uint64();
        break;
      case protozero::pbf_wire_type::fixed64:
        sum += in.get_fixed64();
        break;
      case protozero::pbf_wire_type::fixed32:
        sum += in.get_fixed32();
        break;
      default: {
        const Message inner = message_of(message, in.tag());
        const auto view = in.get_view();
        sum += view.size();
        if (inner != Message::None) sum += walk_every_field(inner, protozero::pbf_reader(view));
      }
    }
  }
  return sum;
}

inline uint64_t walk_every_field(const std::string& request) {
  return walk_every_field(Message::Request, protozero::pbf_reader(request));
}

}  // namespace backstitch::bench
