#include "store/block/string_page.h"

#include <algorithm>
#include <cassert>
#include <fmt/format.h>

#include "store/block/page_bytes.h"
#include "store/block/string_codecs.h"
#include "store/block/template_page.h"

namespace backstitch::store::block {

struct StringEncoder::State {
  PlainState plain;
  FrontState front;
  TemplateState templates;
};

namespace {

constexpr size_t kTemplateValuesMin = 16;  // of fewer, what templates need costs more than they save

base::Error too_many(size_t count) {
  return {base::Errc::Corrupt, fmt::format("page: {} values; at most {}", count, kPageValuesMax)};
}

base::Result<> take_strings(std::string_view page, size_t count, Strings& out) {
  out.clear();
  if (count > kPageValuesMax) return std::unexpected(too_many(count));
  if (count == 0) {
    if (!page.empty()) return std::unexpected(corrupt_page("bytes where there are no values"));
    return {};
  }
  PageReader reader(page);
  const auto form = static_cast<StringForm>(reader.byte());
  if (!reader.ok()) return std::unexpected(corrupt_page("no form"));
  switch (form) {
    case StringForm::Plain:
      return take_plain(reader, count, kExpandedBytesMax, out);
    case StringForm::Front:
      return take_front(reader, count, out);
    case StringForm::Templates:
      return take_templates(reader, count, out);
  }
  return std::unexpected(corrupt_page("an unknown form of strings"));
}

}  // namespace

StringEncoder::StringEncoder() : state_(std::make_unique<State>()) {}
StringEncoder::StringEncoder(StringEncoder&&) noexcept = default;
StringEncoder& StringEncoder::operator=(StringEncoder&&) noexcept = default;
StringEncoder::~StringEncoder() = default;

void StringEncoder::encode(std::span<const std::string_view> values, std::string& out) {
  assert(values.size() <= kPageValuesMax);
  if (values.empty()) return;
  size_t size = 0;
  for (const std::string_view value : values) size += value.size();
  std::string best(1, static_cast<char>(StringForm::Plain));
  put_plain(values, state_->plain, best);
  std::string candidate(1, static_cast<char>(StringForm::Templates));
  if (values.size() >= kTemplateValuesMin && size <= kExpandedBytesMax &&
      put_templates(values, state_->templates, candidate) && candidate.size() < best.size()) {
    best.swap(candidate);
  }
  out += best;
}

base::Result<> decode_strings(std::string_view page, size_t count, std::string& storage,
                              std::vector<std::string_view>& out) {
  thread_local Strings strings;
  strings.storage.swap(storage);
  auto taken = take_strings(page, count, strings);
  storage.swap(strings.storage);
  out.clear();
  if (!taken) return taken;
  out.reserve(count);
  uint64_t begin = 0;
  for (const uint64_t end : strings.ends) {
    out.push_back(std::string_view(storage).substr(begin, end - begin));
    begin = end;
  }
  return {};
}

base::Result<std::optional<size_t>> find_string(std::string_view page, size_t count, std::string_view needle) {
  Strings strings;
  if (auto taken = take_strings(page, count, strings); !taken) return std::unexpected(taken.error());
  for (size_t i = 0; i < count; ++i) {
    if (strings[i] == needle) return i;
  }
  return std::nullopt;
}

}  // namespace backstitch::store::block
