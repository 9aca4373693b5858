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

bool ErrorOrigins::add(const ErrorOriginCount& one) {
  const Key key{one.minute, bounded(one.origin, bounds_.text_bytes_max)};
  const auto found = entries_.find(key);
  if (found != entries_.end()) {
    found->second.count += one.count;
    found->second.example = one.example;
    return true;
  }
  if (entries_.size() >= bounds_.entries_max) return false;
  entries_.emplace(key, Counted{one.count, one.example});
  return true;
}

void ErrorOrigins::remove_before(uint64_t minute) {
  entries_.erase(entries_.begin(), entries_.lower_bound({minute, {}}));
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
