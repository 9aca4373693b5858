// Keys and rows of the embedded store, version 1; docs/formats/embedded.md is this in words. Keys are big-endian, so
// that RocksDB's order of bytes is the order of time and id.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/trace.h"

namespace backstitch::store::embedded {

constexpr uint64_t kFormatVersion = 1;
// Keys of `default`; their values are numbers as decimal text.
constexpr std::string_view kFormatKey = "format";
constexpr std::string_view kHighestSequenceKey = "highest_sequence";

// A fragment's place in every column family.
struct FragmentId {
  model::TraceId trace;
  uint64_t covered_sequence = 0;
};

constexpr size_t kTraceIdBytes = 16;
constexpr size_t kTraceKeyBytes = kTraceIdBytes + 8;
constexpr size_t kSummaryKeyBytes = 8 + kTraceKeyBytes;
constexpr size_t kSealedKeyBytes = kSummaryKeyBytes;
constexpr size_t kTraceHeaderBytes = 16;  // the fragment's start and sealed_at in front of its frame

// `traces`: the fragments of a trace stand together, the one covered furthest first.
std::string trace_key(const FragmentId& id);
base::Result<FragmentId> parse_trace_key(std::string_view key);

// `summaries`: latest start first, then by id.
std::string summary_key(model::Timestamp start, const FragmentId& id);
// Before every summary key of a fragment that starts at `start`, and after those that start later.
std::string summary_key_prefix(model::Timestamp start);
struct SummaryKey {
  model::Timestamp start;
  FragmentId id;
};
base::Result<SummaryKey> parse_summary_key(std::string_view key);

// `sealed`: those sealed first come first, then by id and what they cover.
std::string sealed_key(model::Timestamp sealed_at, const FragmentId& id);
struct SealedKey {
  model::Timestamp sealed_at;
  FragmentId id;
};
base::Result<SealedKey> parse_sealed_key(std::string_view key);

// What stands in front of a fragment's frame; the first of them alone is the value of its row in `sealed`.
struct FragmentTimes {
  model::Timestamp start;
  model::Timestamp sealed_at;

  bool operator==(const FragmentTimes&) const = default;
};
std::string encode_times(const FragmentTimes& times);
// Of the first kTraceHeaderBytes.
base::Result<FragmentTimes> decode_times(std::string_view bytes);
std::string encode_start(model::Timestamp start);
base::Result<model::Timestamp> decode_start(std::string_view bytes);

// A fragment in a search's eyes. Lists that got too long are empty, which means "any": a fragment has at least one
// service and one operation.
struct SummaryRow {
  static constexpr size_t kServicesMax = 256;
  static constexpr size_t kServiceBytesMax = 16 << 10;  // of all names together
  static constexpr size_t kOperationsMax = 256;
  static constexpr size_t kRootBytesMax = 256;  // a longer name is cut

  model::Timestamp end;
  uint32_t span_count = 0;
  uint32_t error_count = 0;
  model::Duration duration_min{0};  // of one span
  model::Duration duration_max{0};
  std::string root_service;
  std::string root_operation;
  std::vector<model::ServiceCount> services;  // sorted by name
  std::vector<uint32_t> operations;           // operation_hash, sorted

  bool operator==(const SummaryRow&) const = default;
};

uint32_t operation_hash(std::string_view name);

// Enforces the bounds.
std::string encode_summary(const SummaryRow& row);
base::Result<SummaryRow> decode_summary(std::string_view bytes);

// Little-endian base 128, as in protobuf.
void put_varint(uint64_t value, std::string& out);
// False where `bytes` end before the number does; takes it off the front.
bool take_varint(std::string_view& bytes, uint64_t& value);
void put_text(std::string_view text, std::string& out);
bool take_text(std::string_view& bytes, std::string_view& text);

}  // namespace backstitch::store::embedded
