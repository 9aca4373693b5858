// Any bytes as a page of integers, of codes in a context, or of strings: an error, or values that encode again to the
// same; never a crash, and a search finds what reading finds.
//
// The first byte chooses what the page is, the next two how many values it has.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "store/block/context_page.h"
#include "store/block/integer_page.h"
#include "store/block/string_page.h"

namespace {

using namespace backstitch;  // NOLINT(google-build-using-namespace): one small program

void require(bool holds) {
  if (!holds) std::abort();
}

void fuzz_integers(std::string_view page, size_t count) {
  std::vector<uint64_t> values;
  std::vector<uint32_t> narrow;
  const auto decoded = store::block::decode_integers(page, count, values);
  const auto decoded_narrow = store::block::decode_integers32(page, count, narrow);
  if (decoded_narrow) {
    require(decoded.has_value() && std::ranges::equal(values, narrow));
  }
  const store::block::RowRange some{count / 3, count / 2};
  std::vector<uint64_t> some_values;
  const auto some_decoded = store::block::decode_integers(page, count, some, some_values);
  if (!decoded) {
    require(decoded.error().code == base::Errc::Corrupt);
    return;
  }
  require(some_decoded.has_value() &&
          std::ranges::equal(some_values, std::span(values).subspan(some.first, some.count)));
  if (const auto constant = store::block::constant_of(page)) {
    require(std::ranges::all_of(values, [&](uint64_t value) { return value == *constant; }));
  }
  store::block::IntegerEncoder encoder;
  std::string again;
  std::vector<uint64_t> same;
  encoder.encode(std::span<const uint64_t>(values), again);
  require(store::block::decode_integers(again, count, same).has_value() && same == values);
}

void fuzz_context(std::string_view page, size_t count) {
  std::vector<uint32_t> contexts(count);
  for (size_t row = 0; row < count; ++row) contexts[row] = static_cast<uint32_t>(row * row % 7 * 5000);
  std::vector<uint32_t> codes;
  if (!store::block::decode_in_context(page, contexts, codes)) return;
  store::block::ContextEncoder encoder;
  std::string again;
  std::vector<uint32_t> same;
  encoder.encode(codes, contexts, again);
  require(store::block::decode_in_context(again, contexts, same).has_value() && same == codes);
}

void fuzz_strings(std::string_view page, size_t count) {
  std::string storage;
  std::vector<std::string_view> values;
  const auto decoded = store::block::decode_strings(page, count, storage, values);
  std::vector<uint32_t> picks;
  for (uint32_t i = 0; i < count; i += 1 + static_cast<uint32_t>(count / 8)) picks.push_back(i);
  std::string picked_storage;
  std::vector<std::string_view> picked;
  const auto some_decoded = store::block::pick_strings(page, count, picks, picked_storage, picked);
  if (!decoded) {
    require(decoded.error().code == base::Errc::Corrupt);
    return;
  }
  require(some_decoded.has_value() && picked.size() == picks.size());
  for (size_t i = 0; i < picks.size(); ++i) require(picked[i] == values[picks[i]]);
  if (storage.size() > 1 << 20) return;  // slow to encode, and nothing new
  store::block::StringEncoder encoder;
  std::string again;
  std::string same_storage;
  std::vector<std::string_view> same;
  encoder.encode(values, again);
  require(store::block::decode_strings(again, count, same_storage, same).has_value() && same == values);
  for (size_t i = 0; i < count; i += 1 + count / 8) {
    const auto found = store::block::find_string(again, count, values[i]);
    require(found.has_value() && found->has_value());
    require(**found == static_cast<size_t>(std::ranges::find(values, values[i]) - values.begin()));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 3) return 0;
  const std::string_view page(reinterpret_cast<const char*>(data) + 3, size - 3);
  const size_t count = data[1] + size_t{256} * data[2];
  switch (data[0] % 3) {
    case 0:
      fuzz_integers(page, count);
      break;
    case 1:
      fuzz_context(page, count);
      break;
    default:
      fuzz_strings(page, count);
      break;
  }
  return 0;
}
