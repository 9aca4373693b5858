#include "wire/otlp/call_peek.h"

#include <array>
#include <fmt/format.h>

#include "wire/otlp/each_message.h"

namespace backstitch::wire::otlp {
namespace {

// Cursor is for the walk too; nothing is written here.
Cursor reader_of(std::string_view bytes) {
  char* const begin = const_cast<char*>(bytes.data());
  return {begin, begin + bytes.size()};
}

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

std::string_view text_of(Cursor value) {
  if (value.at_end() || value.tag() != tag_of(kAnyValueString, WireType::Bytes)) return {};
  return value.bytes().view();
}

// Of a port, which is written either way.
std::string text_or_number_of(Cursor value) {
  if (value.at_end()) return {};
  const uint32_t tag = value.tag();
  if (tag == tag_of(kAnyValueInt, WireType::Varint)) return fmt::format("{}", static_cast<int64_t>(value.varint()));
  return tag == tag_of(kAnyValueString, WireType::Bytes) ? std::string(value.bytes().view()) : std::string();
}

// Whether a KeyValue may be one of those that PeerFacts takes, by its key's length and first letter: most are not, and
// cost no more than that.
bool may_name_peer(std::string_view key_value) {
  constexpr char kKeyTag = tag_of(kKeyValueKey, WireType::Bytes);
  if (key_value.size() < 3 || key_value[0] != kKeyTag) return true;  // who writes the value first is read in full
  switch (key_value[1]) {
    case 7:   // db.name
    case 9:   // db.system
    case 12:  // peer.service, db.namespace
      return key_value[2] == 'd' || key_value[2] == 'p';
    case 14:  // db.system.name, server.address
      return key_value[2] == 'd' || key_value[2] == 's';
    case 17:  // network.peer.port
    case 20:  // network.peer.address
      return key_value[2] == 'n';
    default:
      return (key_value[1] & 0x80) != 0;
  }
}

struct PeerFacts {
  std::string_view service, database, system, server, address;
  std::string port;

  void note(Cursor key_value) {
    const Attribute attribute = attribute_of(key_value);
    const std::string_view key = attribute.key;
    if (key.size() < 7) return;
    switch (key[0]) {
      case 'p':
        if (key == "peer.service") service = text_of(attribute.value);
        break;
      case 'd':
        if (key == "db.name" || (key == "db.namespace" && database.empty())) database = text_of(attribute.value);
        if (key == "db.system" || (key == "db.system.name" && system.empty())) system = text_of(attribute.value);
        break;
      case 's':
        if (key == "server.address") server = text_of(attribute.value);
        break;
      case 'n':
        if (key == "network.peer.address") address = text_of(attribute.value);
        if (key == "network.peer.port") port = text_or_number_of(attribute.value);
        break;
      default:
        break;
    }
  }

  Peer peer() const {
    const bool is_database = !database.empty() || !system.empty();
    if (!service.empty() || !is_database) return {std::string(service), is_database};
    if (!server.empty()) return {std::string(server), true};
    if (!address.empty()) return {port.empty() ? std::string(address) : fmt::format("{}:{}", address, port), true};
    if (!database.empty()) return {std::string(database), true};
    return {std::string(system), false};
  }
};

}  // namespace

std::string_view name_of_span(std::string_view span) {
  Cursor in = reader_of(span);
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
    each(reader_of(resource), kResourceAttributes, [&](Cursor key_value) {
      const Attribute attribute = attribute_of(key_value);
      if (attribute.key != "service.name") return;
      if (const std::string_view text = text_of(attribute.value); !text.empty()) service = text;
    });
  } catch (const WireFault&) {
  }
  return service.empty() ? "unknown_service" : service;
}

Peer peer_of_span(std::string_view span) {
  PeerFacts facts;
  try {
    each(reader_of(span), kSpanAttributes, [&](Cursor key_value) {
      if (may_name_peer(key_value.view())) facts.note(key_value);
    });
  } catch (const WireFault&) {
  }
  return facts.peer();
}

}  // namespace backstitch::wire::otlp
