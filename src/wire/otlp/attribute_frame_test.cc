#include "wire/otlp/attribute_frame.h"

#include <gtest/gtest.h>
#include <optional>
#include <protozero/exception.hpp>
#include <protozero/pbf_reader.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace backstitch::wire::otlp {
namespace {

// The fields of a message that has length-delimited ones alone, field by field.
std::optional<std::vector<std::pair<uint32_t, std::string_view>>> fields(std::string_view message) {
  std::vector<std::pair<uint32_t, std::string_view>> all;
  try {
    for (protozero::pbf_reader reader(message.data(), message.size()); reader.next();) {
      if (reader.wire_type() != protozero::pbf_wire_type::length_delimited) return std::nullopt;
      const uint32_t number = reader.tag();
      const auto view = reader.get_view();
      all.emplace_back(number, std::string_view(view.data(), view.size()));
    }
  } catch (const protozero::exception&) {
    return std::nullopt;
  }
  return all;
}

// Whether it was a frame: what is taken for one must read so field by field.
bool check(std::string_view bytes) {
  const size_t key_size = framed_key_size(bytes.data(), bytes.size());
  if (is_framed_text(bytes.data(), bytes.size()) && bytes.size() < 128) {
    const auto read = fields(bytes);
    EXPECT_TRUE(read && read->size() == 1 && (*read)[0].first == 1 && (*read)[0].second == bytes.substr(2));
  }
  if (key_size == kNoFrame) return false;
  const auto read = fields(bytes);
  EXPECT_TRUE(read && read->size() == 2) << testing::PrintToString(bytes);
  if (!read || read->size() != 2) return true;
  EXPECT_EQ((*read)[0], std::pair(1u, bytes.substr(2, key_size)));
  EXPECT_EQ((*read)[1], std::pair(2u, bytes.substr(kAttributeFrame + key_size)));
  return true;
}

TEST(AttributeFrame, what_is_taken_for_a_frame_reads_so_field_by_field) {
  static constexpr std::string_view kBytes("\0\1\2\3\10\12\22\x80\xff", 9);
  size_t frames = 0;
  std::string bytes;
  const auto all_of = [&](auto&& self, size_t size) -> void {
    if (bytes.size() == size) {
      frames += check(bytes) ? 1 : 0;
      return;
    }
    for (const char byte : kBytes) {
      bytes.push_back(byte);
      self(self, size);
      bytes.pop_back();
    }
  };
  for (size_t size = 0; size <= 6; ++size) all_of(all_of, size);
  EXPECT_GT(frames, 50u);
}

TEST(AttributeFrame, sizes_around_a_byte_of_length_are_told_apart) {
  for (size_t key_size = 0; key_size < 135; ++key_size) {
    for (size_t value_size = 0; value_size < 135; ++value_size) {
      const std::string key(key_size, 'k'), value(value_size, 'v');
      for (const int off : {0, 1, -1}) {
        const auto tail = static_cast<char>(static_cast<int>(value_size) + off);
        const std::string bytes = std::string("\x0a") + static_cast<char>(key_size) + key + '\x12' + tail + value;
        EXPECT_EQ(check(bytes), off == 0 && key_size + value_size < 128) << key_size << " " << value_size << " " << off;
      }
      const std::string text = std::string("\x0a") + static_cast<char>(value_size) + value;
      EXPECT_EQ(is_framed_text(text.data(), text.size()), value_size < 128);
    }
  }
}

}  // namespace
}  // namespace backstitch::wire::otlp
