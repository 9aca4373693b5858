#include "ledger/error_origins.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "ledger/bytes.h"

namespace backstitch::ledger {
namespace {

using model::ErrorOrigin;
using model::ErrorOriginCount;
using model::ErrorOriginRow;

constexpr const char* kManyOthers = "\u2026";

// Between characters, so that UTF-8 stays whole.
void cut(std::string& text, size_t bytes_max) {
  if (text.size() <= bytes_max) return;
  while (bytes_max > 0 && (static_cast<uint8_t>(text[bytes_max]) & 0xc0) == 0x80) --bytes_max;
  text.resize(bytes_max);
}

ErrorOrigin bounded(ErrorOrigin origin, size_t bytes_max) {
  for (std::string* text :
       {&origin.service, &origin.operation, &origin.code, &origin.drift_chain, &origin.root_service}) {
    cut(*text, bytes_max);
  }
  return origin;
}

auto texts_of(const ErrorOriginRow& row) { return std::tie(row.service, row.operation, row.code, row.drift_chain); }

base::Timestamp start_of(uint64_t minute) { return {minute * 60'000'000'000}; }

// Entries come in order of their minutes.
void add_to(ErrorOriginRow& row, const std::string& root, uint64_t minute, uint64_t count,
            const model::TraceId& example) {
  if (row.count == 0) row.first = start_of(minute);
  row.last = start_of(minute);
  row.example = example;
  row.count += count;
  const auto at = std::ranges::find(row.roots, root, &ErrorOriginRow::Root::service);
  if (at == row.roots.end()) {
    row.roots.push_back({root, count});
  } else {
    at->count += count;
  }
}

}  // namespace

// Whoever names operations by ids, or services, must not crowd the others out.
ErrorOrigins::Key ErrorOrigins::key_of(const ErrorOriginCount& one) const {
  Key key{one.minute, bounded(one.origin, bounds_.text_bytes_max)};
  const auto minute = per_minute_.find(one.minute);
  const size_t count = minute == per_minute_.end() ? 0 : minute->second;
  if (count < bounds_.per_minute_max || entries_.contains(key)) return key;
  key.second.operation = kManyOthers;
  if (count < 2 * bounds_.per_minute_max || entries_.contains(key)) return key;
  const std::string others(kManyOthers);
  key.second = {others, others, others, others, others};
  return key;
}

uint64_t ErrorOrigins::add(const ErrorOriginCount& one) {
  const Key key = key_of(one);
  uint64_t lost = 0;
  if (!entries_.contains(key)) {
    while (!entries_.empty() && entries_.size() >= bounds_.entries_max) {
      if (one.minute <= entries_.begin()->first.first) return lost + one.count;
      lost += remove_oldest_minute();
    }
    ++per_minute_[one.minute];
  }
  Counted& counted = entries_[key];
  counted.count += one.count;
  counted.example = one.example;
  return lost;
}

uint64_t ErrorOrigins::remove_oldest_minute() {
  const uint64_t minute = entries_.begin()->first.first;
  uint64_t removed = 0;
  for (auto at = entries_.begin(); at != entries_.end() && at->first.first == minute; at = entries_.erase(at)) {
    removed += at->second.count;
  }
  per_minute_.erase(minute);
  return removed;
}

void ErrorOrigins::remove_before(uint64_t minute) {
  entries_.erase(entries_.begin(), entries_.lower_bound({minute, {}}));
  per_minute_.erase(per_minute_.begin(), per_minute_.lower_bound(minute));
}

std::vector<ErrorOriginRow> ErrorOrigins::rows(const model::ErrorOriginQuery& query) const {
  using RowKey = std::tuple<std::string_view, std::string_view, std::string_view, std::string_view>;
  std::map<RowKey, ErrorOriginRow> by_origin;
  const uint64_t last = minute_of(query.end);
  for (auto at = entries_.lower_bound({minute_of(query.start), {}}); at != entries_.end(); ++at) {
    const auto& [minute, origin] = at->first;
    if (minute > last) break;
    if (!query.service.empty() && origin.service != query.service && origin.root_service != query.service) continue;
    ErrorOriginRow& row = by_origin[{origin.service, origin.operation, origin.code, origin.drift_chain}];
    add_to(row, origin.root_service, minute, at->second.count, at->second.example);
  }
  std::vector<ErrorOriginRow> rows;
  for (auto& [key, row] : by_origin) {
    row.service = std::get<0>(key);
    row.operation = std::get<1>(key);
    row.code = std::get<2>(key);
    row.drift_chain = std::get<3>(key);
    std::ranges::sort(row.roots, [](const auto& a, const auto& b) {
      return a.count != b.count ? a.count > b.count : a.service < b.service;
    });
    rows.push_back(std::move(row));
  }
  std::ranges::sort(rows, [](const ErrorOriginRow& a, const ErrorOriginRow& b) {
    return a.count != b.count ? a.count > b.count : texts_of(a) < texts_of(b);
  });
  if (rows.size() > query.limit) rows.resize(query.limit);
  return rows;
}

void ErrorOrigins::encode(std::string& out) const {
  put_number(entries_.size(), out);
  for (const auto& [key, counted] : entries_) {
    write_count({.origin = key.second, .minute = key.first, .count = counted.count, .example = counted.example}, out);
  }
}

base::Result<> ErrorOrigins::decode(std::string_view bytes) {
  ByteReader reader(bytes);
  for (uint64_t left = reader.number(); left > 0 && reader.is_good(); --left) {
    const ErrorOriginCount one = read_count(reader);
    if (reader.is_good()) add(one);
  }
  if (!reader.is_good() || !reader.at_end())
    return base::fail(base::Errc::Corrupt, "a table of error origins is broken");
  return {};
}

void write_count(const ErrorOriginCount& one, std::string& out) {
  put_number(one.minute, out);
  put_number(one.count, out);
  out.append(reinterpret_cast<const char*>(one.example.bytes.data()), one.example.bytes.size());
  for (const std::string* text : {&one.origin.service, &one.origin.operation, &one.origin.code, &one.origin.drift_chain,
                                  &one.origin.root_service}) {
    put_text(*text, out);
  }
}

ErrorOriginCount read_count(ByteReader& reader) {
  ErrorOriginCount one;
  one.minute = reader.number();
  one.count = reader.number();
  if (const std::string_view id = reader.raw(one.example.bytes.size()); !id.empty()) {
    one.example = model::TraceId::from_bytes(id.data());
  }
  for (std::string* text : {&one.origin.service, &one.origin.operation, &one.origin.code, &one.origin.drift_chain,
                            &one.origin.root_service}) {
    *text = reader.text();
  }
  return one;
}

}  // namespace backstitch::ledger
