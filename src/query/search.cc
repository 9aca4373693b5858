#include "query/search.h"

#include <charconv>
#include <fmt/format.h>

namespace backstitch::query {
namespace {

std::optional<uint64_t> take_number(std::string_view& text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return number;
}

bool take_dash(std::string_view& text) {
  if (!text.starts_with('-')) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

std::string Cursor::to_text() const {
  std::string text = fmt::format("{}-{}", last.start.unix_nanos, last.id.to_hex());
  if (seen_from) text += fmt::format("-{}", seen_from->unix_nanos);
  return text;
}

base::Result<Cursor> Cursor::parse(std::string_view text) {
  constexpr size_t kIdDigits = 32;
  const auto refused =
      base::fail(base::Errc::InvalidArgument, fmt::format("'{}' is no cursor of an earlier answer", text));
  const std::optional<uint64_t> start = take_number(text);
  if (!start || !take_dash(text)) return refused;
  const auto id = model::TraceId::from_hex(text.substr(0, kIdDigits));
  if (!id || text.size() < kIdDigits) return refused;
  text.remove_prefix(kIdDigits);
  Cursor cursor{.last = {{*start}, *id}, .seen_from = {}};
  if (text.empty()) return cursor;
  if (!take_dash(text)) return refused;
  const std::optional<uint64_t> seen_from = take_number(text);
  if (!seen_from || !text.empty()) return refused;
  cursor.seen_from = model::Timestamp{*seen_from};
  return cursor;
}

std::string names_of(const Missing& missing) {
  std::string names;
  for (const store::MissingPeer& one : missing) names += (names.empty() ? "" : ", ") + one.name;
  return names;
}

}  // namespace backstitch::query
