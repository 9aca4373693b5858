#include "sample/ottl_case.h"

#include <algorithm>
#include <cstdint>
#include <span>

#include "base/utf8.h"
#include "sample/ottl_case_table.h"

namespace backstitch::sample {
namespace {

uint32_t moved(uint32_t code_point, std::span<const CaseRange> ranges) {
  const auto after = std::ranges::upper_bound(ranges, code_point, {}, &CaseRange::first);
  if (after == ranges.begin()) return code_point;
  const CaseRange& range = *(after - 1);
  if (code_point > range.last || (code_point - range.first) % range.step != 0) return code_point;
  return code_point + static_cast<uint32_t>(range.distance);
}

std::string in_case(std::string_view text, char first, std::span<const CaseRange> ranges) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const char c = text.front();
    if (static_cast<unsigned char>(c) < 0x80) {
      const bool is_letter = c >= first && c < first + 26;
      out += is_letter ? static_cast<char>(c ^ 0x20) : c;
      text.remove_prefix(1);
      continue;
    }
    const base::Utf8Step step = base::utf8_step(text);
    for (size_t i = 0; !step.is_valid && i < step.size; ++i) base::append_code_point(0xfffd, out);
    if (step.is_valid) base::append_code_point(moved(step.code_point, ranges), out);
    text.remove_prefix(step.size);
  }
  return out;
}

}  // namespace

std::string to_lower(std::string_view text) { return in_case(text, 'A', kToLower); }
std::string to_upper(std::string_view text) { return in_case(text, 'a', kToUpper); }

}  // namespace backstitch::sample
