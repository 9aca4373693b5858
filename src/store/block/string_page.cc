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
  CodecChoice choice;

  bool put_as(StringForm form, std::span<const std::string_view> values, std::string& out);
  void put_by_trial(std::span<const std::string_view> values, size_t size, std::string& out);
};

namespace {

constexpr size_t kTemplateValuesMin = 16;  // of fewer, what templates need costs more than they save

// Whether front coding could win: neighbours share a third of the bytes.
bool shares_prefixes(std::span<const std::string_view> values, size_t size) {
  size_t shared = 0;
  for (size_t i = 1; i < values.size(); ++i) shared += shared_prefix(values[i - 1], values[i]);
  return shared * 3 >= size && shared > 0;
}

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

base::Result<> take_picks(std::string_view page, size_t count, std::span<const uint32_t> picks, Strings& out) {
  assert(std::ranges::is_sorted(picks) && (picks.empty() || picks.back() < count));
  out.clear();
  if (picks.empty()) return {};
  PageReader reader(page);
  const auto form = static_cast<StringForm>(reader.byte());
  if (reader.ok() && count <= kPageValuesMax) {
    if (form == StringForm::Plain) return pick_plain(reader, count, picks, out);
    if (form == StringForm::Templates) return pick_templates(reader, count, picks, out);
  }
  Strings all;
  if (auto taken = take_strings(page, count, all); !taken) return taken;
  for (const uint32_t pick : picks) {
    out.storage += all[pick];
    out.end_string();
  }
  return {};
}

void cut_views(std::string_view storage, std::span<const uint64_t> ends, std::vector<std::string_view>& out) {
  out.reserve(ends.size());
  uint64_t begin = 0;
  for (const uint64_t end : ends) {
    out.push_back(storage.substr(begin, end - begin));
    begin = end;
  }
}

}  // namespace

StringEncoder::StringEncoder() : state_(std::make_unique<State>()) {}
StringEncoder::StringEncoder(StringEncoder&&) noexcept = default;
StringEncoder& StringEncoder::operator=(StringEncoder&&) noexcept = default;
StringEncoder::~StringEncoder() = default;

// Appends the page in that form; false, and nothing appended, where it hasn't got one.
bool StringEncoder::State::put_as(StringForm form, std::span<const std::string_view> values, std::string& out) {
  const size_t before = out.size();
  out += static_cast<char>(form);
  switch (form) {
    case StringForm::Plain:
      put_plain(values, plain, out);
      return true;
    case StringForm::Front:
      put_front(values, front, out);
      return true;
    case StringForm::Templates:
      if (put_templates(values, templates, out)) return true;
      break;
  }
  out.resize(before);
  return false;
}

void StringEncoder::State::put_by_trial(std::span<const std::string_view> values, size_t size, std::string& out) {
  std::string best;
  put_as(StringForm::Plain, values, best);
  auto winner = StringForm::Plain;
  const auto consider = [&](StringForm form) {
    std::string candidate;
    if (!put_as(form, values, candidate) || candidate.size() >= best.size()) return;
    best.swap(candidate);
    winner = form;
  };
  if (values.size() >= kTemplateValuesMin) consider(StringForm::Templates);
  if (shares_prefixes(values, size)) consider(StringForm::Front);
  choice.won(static_cast<uint8_t>(winner), values.size(), best.size());
  out += best;
}

void StringEncoder::encode(std::span<const std::string_view> values, std::string& out) {
  assert(values.size() <= kPageValuesMax);
  if (values.empty()) return;
  size_t size = 0;
  for (const std::string_view value : values) size += value.size();
  if (size > kExpandedBytesMax) {
    state_->put_as(StringForm::Plain, values, out);
    return;
  }
  const size_t before = out.size();
  if (values.size() >= kTemplateValuesMin && state_->choice.next_is_decided()) {
    if (state_->put_as(static_cast<StringForm>(state_->choice.codec()), values, out) &&
        state_->choice.is_content(values.size(), out.size() - before)) {
      return;
    }
    out.resize(before);
  }
  state_->put_by_trial(values, size, out);
}

base::Result<> decode_strings(std::string_view page, size_t count, std::string& storage,
                              std::vector<std::string_view>& out) {
  thread_local Strings strings;
  strings.storage.swap(storage);
  auto taken = take_strings(page, count, strings);
  storage.swap(strings.storage);
  out.clear();
  if (taken) cut_views(storage, strings.ends, out);
  return taken;
}

base::Result<> pick_strings(std::string_view page, size_t count, std::span<const uint32_t> picks, std::string& storage,
                            std::vector<std::string_view>& out) {
  thread_local Strings strings;
  strings.storage.swap(storage);
  auto taken = take_picks(page, count, picks, strings);
  storage.swap(strings.storage);
  out.clear();
  if (taken) cut_views(storage, strings.ends, out);
  return taken;
}

base::Result<std::optional<size_t>> find_string(std::string_view page, size_t count, std::string_view needle) {
  PageReader reader(page);
  const auto form = static_cast<StringForm>(reader.byte());
  if (reader.ok() && count > 0 && count <= kPageValuesMax) {
    if (form == StringForm::Plain) return find_in_plain(reader, count, needle);
    if (form == StringForm::Templates) return find_in_templates(reader, count, needle);
  }
  Strings strings;
  if (auto taken = take_strings(page, count, strings); !taken) return std::unexpected(taken.error());
  for (size_t i = 0; i < count; ++i) {
    if (strings[i] == needle) return i;
  }
  return std::nullopt;
}

}  // namespace backstitch::store::block
