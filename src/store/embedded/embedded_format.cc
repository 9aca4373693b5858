#include "store/embedded/embedded_format.h"

#include <bit>
#include <cstring>
#include <fmt/format.h>
#include <xxhash.h>

namespace backstitch::store::embedded {
namespace {

using base::Errc;
using base::fail;

static_assert(std::endian::native == std::endian::little);

void put_big_endian(uint64_t value, std::string& out) {
  const uint64_t swapped = __builtin_bswap64(value);
  out.append(reinterpret_cast<const char*>(&swapped), sizeof(swapped));
}

uint64_t big_endian_at(std::string_view bytes, size_t at) {
  uint64_t value;
  std::memcpy(&value, bytes.data() + at, sizeof(value));
  return __builtin_bswap64(value);
}

void put_trace_key(const FragmentId& id, std::string& out) {
  out.append(reinterpret_cast<const char*>(id.trace.bytes.data()), kTraceIdBytes);
  put_big_endian(~id.covered_sequence, out);
}

// Small numbers of either sign become small numbers.
uint64_t zigzag(int64_t value) { return static_cast<uint64_t>(value) << 1 ^ static_cast<uint64_t>(value >> 63); }
int64_t unzigzag(uint64_t value) { return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1); }

// Reads fields until one is missing; `ok` stays false from there on.
struct RowReader {
  std::string_view rest;
  bool ok = true;

  uint64_t number() {
    uint64_t value = 0;
    ok = ok && take_varint(rest, value);
    return value;
  }
  uint32_t count() {
    const uint64_t value = number();
    ok = ok && value <= UINT32_MAX;
    return static_cast<uint32_t>(value);
  }
  // A count of things that take at least one byte each.
  size_t length(size_t max) {
    const uint64_t value = number();
    ok = ok && value <= max && value <= rest.size();
    return ok ? static_cast<size_t>(value) : 0;
  }
  std::string text() {
    std::string_view value;
    ok = ok && take_text(rest, value);
    return std::string(value);
  }
  uint32_t hash() {
    uint32_t value = 0;
    ok = ok && rest.size() >= sizeof(value);
    if (!ok) return 0;
    std::memcpy(&value, rest.data(), sizeof(value));
    rest.remove_prefix(sizeof(value));
    return value;
  }
};

bool services_fit(const std::vector<model::ServiceCount>& services) {
  size_t bytes = 0;
  for (const model::ServiceCount& service : services) bytes += service.service.size();
  return services.size() <= SummaryRow::kServicesMax && bytes <= SummaryRow::kServiceBytesMax;
}

}  // namespace

std::string trace_key(const FragmentId& id) {
  std::string key;
  key.reserve(kTraceKeyBytes);
  put_trace_key(id, key);
  return key;
}

base::Result<FragmentId> parse_trace_key(std::string_view key) {
  if (key.size() != kTraceKeyBytes) {
    return fail(Errc::Corrupt, fmt::format("a trace's key has {} bytes, not {}", key.size(), kTraceKeyBytes));
  }
  return FragmentId{model::TraceId::from_bytes(key.data()), ~big_endian_at(key, kTraceIdBytes)};
}

std::string summary_key_prefix(model::Timestamp start) {
  std::string key;
  key.reserve(kSummaryKeyBytes);
  put_big_endian(~start.unix_nanos, key);
  return key;
}

std::string summary_key(model::Timestamp start, const FragmentId& id) {
  std::string key = summary_key_prefix(start);
  put_trace_key(id, key);
  return key;
}

base::Result<SummaryKey> parse_summary_key(std::string_view key) {
  if (key.size() != kSummaryKeyBytes) {
    return fail(Errc::Corrupt, fmt::format("a summary's key has {} bytes, not {}", key.size(), kSummaryKeyBytes));
  }
  const auto id = parse_trace_key(key.substr(8));
  return SummaryKey{{~big_endian_at(key, 0)}, *id};
}

std::string sealed_key(model::Timestamp sealed_at, const FragmentId& id) {
  std::string key;
  key.reserve(kSealedKeyBytes);
  put_big_endian(sealed_at.unix_nanos, key);
  key.append(reinterpret_cast<const char*>(id.trace.bytes.data()), kTraceIdBytes);
  put_big_endian(id.covered_sequence, key);
  return key;
}

base::Result<SealedKey> parse_sealed_key(std::string_view key) {
  if (key.size() != kSealedKeyBytes) {
    return fail(Errc::Corrupt, fmt::format("a sealing's key has {} bytes, not {}", key.size(), kSealedKeyBytes));
  }
  return SealedKey{{big_endian_at(key, 0)},
                   {model::TraceId::from_bytes(key.data() + 8), big_endian_at(key, 8 + kTraceIdBytes)}};
}

std::string encode_times(const FragmentTimes& times) {
  std::string bytes = encode_start(times.start);
  put_big_endian(times.sealed_at.unix_nanos, bytes);
  return bytes;
}

base::Result<FragmentTimes> decode_times(std::string_view bytes) {
  if (bytes.size() < kTraceHeaderBytes) {
    return fail(Errc::Corrupt, fmt::format("a stored fragment has {} bytes", bytes.size()));
  }
  return FragmentTimes{{big_endian_at(bytes, 0)}, {big_endian_at(bytes, 8)}};
}

std::string encode_start(model::Timestamp start) {
  std::string bytes;
  put_big_endian(start.unix_nanos, bytes);
  return bytes;
}

base::Result<model::Timestamp> decode_start(std::string_view bytes) {
  if (bytes.size() != 8) return fail(Errc::Corrupt, fmt::format("a fragment's start has {} bytes", bytes.size()));
  return model::Timestamp{big_endian_at(bytes, 0)};
}

uint32_t operation_hash(std::string_view name) { return static_cast<uint32_t>(XXH3_64bits(name.data(), name.size())); }

std::string encode_summary(const SummaryRow& row) {
  std::string out;
  put_varint(row.end.unix_nanos, out);
  put_varint(row.span_count, out);
  put_varint(row.error_count, out);
  put_varint(zigzag(row.duration_min.count()), out);
  put_varint(zigzag(row.duration_max.count()), out);
  put_text(std::string_view(row.root_service).substr(0, SummaryRow::kRootBytesMax), out);
  put_text(std::string_view(row.root_operation).substr(0, SummaryRow::kRootBytesMax), out);
  const bool has_services = services_fit(row.services);
  put_varint(has_services ? row.services.size() : 0, out);
  for (size_t i = 0; has_services && i < row.services.size(); ++i) {
    put_text(row.services[i].service, out);
    put_varint(row.services[i].span_count, out);
    put_varint(row.services[i].error_count, out);
  }
  const size_t operation_count = row.operations.size() <= SummaryRow::kOperationsMax ? row.operations.size() : 0;
  put_varint(operation_count, out);
  out.append(reinterpret_cast<const char*>(row.operations.data()), operation_count * sizeof(uint32_t));
  return out;
}

base::Result<SummaryRow> decode_summary(std::string_view bytes) {
  RowReader in{bytes};
  SummaryRow row;
  row.end = {in.number()};
  row.span_count = in.count();
  row.error_count = in.count();
  row.duration_min = model::Duration(unzigzag(in.number()));
  row.duration_max = model::Duration(unzigzag(in.number()));
  row.root_service = in.text();
  row.root_operation = in.text();
  row.services.resize(in.length(SummaryRow::kServicesMax));
  for (model::ServiceCount& service : row.services) {
    service.service = in.text();
    service.span_count = in.count();
    service.error_count = in.count();
  }
  row.operations.resize(in.length(SummaryRow::kOperationsMax));
  for (uint32_t& hash : row.operations) hash = in.hash();
  if (!in.ok || !in.rest.empty()) {
    return fail(Errc::Corrupt, fmt::format("a summary row of {} bytes does not follow its format", bytes.size()));
  }
  return row;
}

void put_varint(uint64_t value, std::string& out) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

bool take_varint(std::string_view& bytes, uint64_t& value) {
  value = 0;
  for (size_t i = 0; i < 10 && i < bytes.size(); ++i) {
    const auto byte = static_cast<uint8_t>(bytes[i]);
    value |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      bytes.remove_prefix(i + 1);
      return true;
    }
  }
  return false;
}

void put_text(std::string_view text, std::string& out) {
  put_varint(text.size(), out);
  out += text;
}

bool take_text(std::string_view& bytes, std::string_view& text) {
  uint64_t size = 0;
  if (!take_varint(bytes, size) || size > bytes.size()) return false;
  text = bytes.substr(0, size);
  bytes.remove_prefix(size);
  return true;
}

}  // namespace backstitch::store::embedded
