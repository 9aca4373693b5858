#include "store/block/page_codec.h"

#include <iterator>

namespace backstitch::store::block {
namespace {

// In the order of their tags in docs/formats/block-pages.md.
constexpr std::string_view kIntegers[] = {"constant", "packed",     "runs",   "delta",  "bytes",
                                          "classes",  "dictionary", "scaled", "decimal"};
constexpr std::string_view kStrings[] = {"plain", "front coding", "templates"};
constexpr std::string_view kContexts[] = {"", "the name", "the name and its parent's", "the keys"};

template <size_t N>
std::string_view at(const std::string_view (&names)[N], size_t tag) {
  return tag < N ? names[tag] : "unknown";
}
size_t byte_at(std::string_view page, size_t at) {
  return at < page.size() ? static_cast<uint8_t>(page[at]) : SIZE_MAX;
}

}  // namespace

std::string codec_name(const ColumnId& column, bool is_of_values, std::string_view page) {
  if (is_of_values) return "strings: " + std::string(at(kStrings, byte_at(page, 0)));
  if (raw_bytes(column.field) != 0) return "ids as they are";
  const size_t layout = byte_at(page, 0);
  if (const size_t context = layout >> 4; context != 0) return "codes told by " + std::string(at(kContexts, context));
  std::string name = is_text(column) ? "codes: " : "integers: ";
  name += at(kIntegers, byte_at(page, 1));
  if (static_cast<Transform>(layout & 15) == Transform::Inherited) name += ", against the parent's";
  return name;
}

}  // namespace backstitch::store::block
