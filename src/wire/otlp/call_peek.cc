#include "wire/otlp/call_peek.h"

#include <fmt/format.h>

#include "wire/otlp/attribute_frame.h"
#include "wire/otlp/each_message.h"
#include "wire/otlp/peer_facts.h"

namespace backstitch::wire::otlp {
namespace {

struct Attribute {
  std::string_view key;
  Cursor value;  // an AnyValue
};

Attribute attribute_of(Cursor key_value) {
  Attribute found{{}, Cursor(key_value.position(), key_value.position())};
  while (!key_value.at_end()) {
    const uint32_t tag = key_value.tag();
    if (tag == tag_of(kKeyValueKey, WireType::Bytes)) {
      found.key = key_value.bytes().view();
    } else if (tag == tag_of(kKeyValueValue, WireType::Bytes)) {
      found.value = key_value.bytes();
    } else {
      key_value.skip(tag);
    }
  }
  return found;
}

// Of a port, which is written either way.
std::string text_or_number_of(std::string_view any_value) {
  Cursor value = Cursor::reading(any_value);
  if (value.at_end()) return {};
  const uint32_t tag = value.tag();
  if (tag == tag_of(kAnyValueInt, WireType::Varint)) return fmt::format("{}", static_cast<int64_t>(value.varint()));
  return tag == tag_of(kAnyValueString, WireType::Bytes) ? std::string(value.bytes().view()) : std::string();
}

// Whether a KeyValue may be one of those that PeerFacts takes, by its key's length and first letter: most are not, and
// cost no more than that. What is no frame is read in full.
bool may_name_peer(std::string_view key_value) {
  switch (framed_key_size(key_value.data(), key_value.size())) {
    case 7:   // db.name
    case 9:   // db.system
    case 12:  // peer.service, db.namespace
      return key_value[2] == 'd' || key_value[2] == 'p';
    case 14:  // db.system.name, server.address
      return key_value[2] == 'd' || key_value[2] == 's';
    case 17:  // network.peer.port
    case 20:  // network.peer.address
      return key_value[2] == 'n';
    case kNoFrame:
      return true;
    default:
      return false;
  }
}

}  // namespace

std::string_view name_of_span(std::string_view span) {
  Cursor in = Cursor::reading(span);
  try {
    while (!in.at_end()) {
      const uint32_t tag = in.tag();
      if (tag == tag_of(kSpanName, WireType::Bytes)) return in.bytes().view();
      in.skip(tag);
    }
  } catch (const WireFault&) {
  }
  return {};
}

std::string_view service_of_resource(std::string_view resource) {
  std::string_view service;
  try {
    each(Cursor::reading(resource), kResourceAttributes, [&](Cursor key_value) {
      const Attribute attribute = attribute_of(key_value);
      if (attribute.key != "service.name") return;
      if (const std::string_view text = string_of(attribute.value); !text.empty()) service = text;
    });
  } catch (const WireFault&) {
  }
  return service.empty() ? "unknown_service" : service;
}

Peer peer_of_span(std::string_view span) {
  PeerFacts facts;
  try {
    each(Cursor::reading(span), kSpanAttributes, [&](Cursor key_value) {
      if (!may_name_peer(key_value.view())) return;
      const Attribute attribute = attribute_of(key_value);
      const PeerKey key = peer_key_of(attribute.key);
      if (key != PeerKey::None) facts.note(key, attribute.value.view());
    });
    const PeerFacts::Name name = facts.name();
    const std::string port = text_or_number_of(name.port);
    return {port.empty() ? std::string(name.text) : fmt::format("{}:{}", name.text, port), name.is_database};
  } catch (const WireFault&) {
    return {};
  }
}

}  // namespace backstitch::wire::otlp
