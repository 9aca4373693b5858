// Reading protobuf messages field by field, with what a protobuf library throws turned into an Error. Private to
// store/remote.
#pragma once

#include <fmt/format.h>
#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace backstitch::store::remote {

inline std::unexpected<base::Error> malformed(std::string_view what) {
  return base::fail(base::Errc::Malformed, fmt::format("a message between nodes is broken: {}", what));
}

// A field whose wire type is another than its number says is broken: protozero asserts it, which a message from the
// network must not.
class MessageReader : public protozero::pbf_reader {
 public:
  using protozero::pbf_reader::pbf_reader;

  bool get_bool() { return checked(protozero::pbf_wire_type::varint).pbf_reader::get_bool(); }
  uint32_t get_uint32() { return checked(protozero::pbf_wire_type::varint).pbf_reader::get_uint32(); }
  uint64_t get_uint64() { return checked(protozero::pbf_wire_type::varint).pbf_reader::get_uint64(); }
  uint64_t get_fixed64() { return checked(protozero::pbf_wire_type::fixed64).pbf_reader::get_fixed64(); }
  double get_double() { return checked(protozero::pbf_wire_type::fixed64).pbf_reader::get_double(); }
  protozero::data_view get_view() { return checked(kBytes).pbf_reader::get_view(); }
  auto get_packed_uint32() { return checked(kBytes).pbf_reader::get_packed_uint32(); }
  auto get_packed_uint64() { return checked(kBytes).pbf_reader::get_packed_uint64(); }

 private:
  static constexpr auto kBytes = protozero::pbf_wire_type::length_delimited;

  MessageReader& checked(protozero::pbf_wire_type type) {
    if (wire_type() != type) throw protozero::unknown_pbf_wire_type_exception();
    return *this;
  }
};

// Calls read(message) for each field of `bytes`, the fields that it does not take are passed over by it. `read` returns
// Result<>.
template <typename Read>
base::Result<> read_message(std::string_view bytes, const Read& read) {
  try {
    MessageReader message(bytes.data(), bytes.size());
    while (message.next()) {
      if (auto one = read(message); !one) return one;
    }
  } catch (const std::exception& error) {
    return malformed(error.what());
  }
  return {};
}

inline std::string_view view_of(MessageReader& message) {
  const protozero::data_view view = message.get_view();
  return {view.data(), view.size()};
}
inline std::string text_of(MessageReader& message) { return std::string(view_of(message)); }

}  // namespace backstitch::store::remote
