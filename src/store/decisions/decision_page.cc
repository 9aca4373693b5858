#include "store/decisions/decision_page.h"

#include <absl/container/flat_hash_map.h>
#include <array>
#include <bit>
#include <cassert>
#include <cstring>
#include <fmt/format.h>
#include <tuple>

#include "base/crc32c.h"
#include "store/block/bit_stream.h"
#include "store/decisions/decisions_format.h"
#include "store/decisions/id_column.h"
#include "store/decisions/patched_column.h"

namespace backstitch::store::decisions {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using block::BitReader;
using block::BitWriter;
using model::Decision;
using model::TraceId;

constexpr unsigned kCountBits = 10;  // of one less
static_assert(kPageRecordsMax == 1U << kCountBits);
constexpr unsigned kCauseBits = 3;
constexpr unsigned kPolicyBits = 8;
constexpr unsigned kVotedWidthBits = 7;
constexpr unsigned kPolicySetWidthBits = 6;
constexpr size_t kChecksumBytes = 4;
constexpr uint64_t kNanosPerMilli = 1'000'000;
constexpr int64_t kNanosPerMicro = 1'000;

// What most records have in common with many others.
struct Common {
  bool is_late_spans = false;
  model::Verdict verdict = model::Verdict::Dropped;
  model::DecisionCause cause = model::DecisionCause::Window;
  uint8_t policy = 0;
  uint64_t voted = 0;
  uint32_t policy_set = 0;

  bool operator==(const Common&) const = default;
  template <typename H>
  friend H AbslHashValue(H state, const Common& one) {
    return H::combine(std::move(state), one.is_late_spans, static_cast<int>(one.verdict), static_cast<int>(one.cause),
                      one.policy, one.voted, one.policy_set);
  }
};

Common common_of(const DecisionRecord& record) {
  if (record.is_late_spans) return {.is_late_spans = true};
  const Decision& decision = record.decision;
  return {false, decision.verdict, decision.cause, decision.policy, decision.voted, decision.policy_set};
}

void put_sized(uint64_t value, unsigned width_bits, BitWriter& out) {
  const auto width = static_cast<unsigned>(std::bit_width(value));
  out.put(width, width_bits);
  out.put(value, width);
}

void put_common(const Common& common, BitWriter& out) {
  out.put(common.is_late_spans ? 1 : 0, 1);
  if (common.is_late_spans) return;
  out.put(static_cast<uint64_t>(common.verdict), 1);
  out.put(static_cast<uint64_t>(common.cause), kCauseBits);
  out.put(common.policy, kPolicyBits);
  put_sized(common.voted, kVotedWidthBits, out);
  put_sized(common.policy_set, kPolicySetWidthBits, out);
}

bool take_common(BitReader& in, Common& common) {
  common.is_late_spans = in.take(1) == 1;
  if (common.is_late_spans) return true;
  common.verdict = static_cast<model::Verdict>(in.take(1));
  const auto cause = static_cast<uint8_t>(in.take(kCauseBits));
  common.cause = static_cast<model::DecisionCause>(cause);
  common.policy = static_cast<uint8_t>(in.take(kPolicyBits));
  const auto voted_width = static_cast<unsigned>(in.take(kVotedWidthBits));
  if (cause > model::kDecisionCauseMax || voted_width > 64) return false;
  common.voted = in.take(voted_width);
  const auto set_width = static_cast<unsigned>(in.take(kPolicySetWidthBits));
  if (set_width > 32) return false;
  common.policy_set = static_cast<uint32_t>(in.take(set_width));
  return true;
}

uint64_t millis(base::Timestamp at) { return at.unix_nanos / kNanosPerMilli; }

// A field of a decision as a number, and back. False where the field cannot say it.
struct Field {
  int64_t (*get)(const Decision&);
  bool (*set)(int64_t, Decision&);
};

template <uint32_t Decision::* Member>
constexpr Field kCount{[](const Decision& decision) { return static_cast<int64_t>(decision.*Member); },
                       [](int64_t value, Decision& decision) {
                         decision.*Member = static_cast<uint32_t>(value);
                         return value >= 0 && value <= UINT32_MAX;
                       }};

bool set_time(uint64_t unix_millis, base::Timestamp& at) {
  at = {unix_millis * kNanosPerMilli};
  return unix_millis <= UINT64_MAX / kNanosPerMilli;
}

// In the order in which they are stored; the second uses what the first has set.
constexpr std::array<Field, 6> kFields = {
    Field{[](const Decision& decision) { return static_cast<int64_t>(millis(decision.decided)); },
          [](int64_t value, Decision& decision) { return set_time(static_cast<uint64_t>(value), decision.decided); }},
    Field{[](const Decision& decision) {
            return static_cast<int64_t>(millis(decision.decided) - millis(decision.opened));
          },
          [](int64_t value, Decision& decision) {
            return set_time(millis(decision.decided) - static_cast<uint64_t>(value), decision.opened);
          }},
    Field{[](const Decision& decision) { return decision.duration.count() / kNanosPerMicro; },
          [](int64_t value, Decision& decision) {
            if (value > INT64_MAX / kNanosPerMicro || value < INT64_MIN / kNanosPerMicro) return false;
            decision.duration = base::Duration(value * kNanosPerMicro);
            return true;
          }},
    kCount<&Decision::span_count>,
    kCount<&Decision::error_count>,
    Field{[](const Decision& decision) { return static_cast<int64_t>(std::bit_cast<uint32_t>(decision.weight)); },
          [](int64_t value, Decision& decision) {
            decision.weight = std::bit_cast<float>(static_cast<uint32_t>(value));
            return value >= 0 && value <= UINT32_MAX;
          }}};

using Numbers = std::array<int64_t, kPageRecordsMax>;

void put_commons(std::span<const DecisionRecord> records, BitWriter& out) {
  absl::flat_hash_map<Common, int64_t> places;
  std::vector<Common> commons;
  Numbers room;
  for (size_t i = 0; i < records.size(); ++i) {
    const Common common = common_of(records[i]);
    const auto [at, is_new] = places.try_emplace(common, static_cast<int64_t>(commons.size()));
    if (is_new) commons.push_back(common);
    room[i] = at->second;
  }
  out.put(commons.size() - 1, kCountBits);
  for (const Common& common : commons) put_common(common, out);
  put_column(std::span(room.data(), records.size()), out);
}

bool take_commons(BitReader& in, std::span<DecisionRecord> records) {
  std::vector<Common> commons(static_cast<size_t>(in.take(kCountBits)) + 1);
  if (commons.size() > records.size()) return false;
  for (Common& common : commons) {
    if (!take_common(in, common)) return false;
  }
  Numbers room;
  if (!take_column(in, std::span(room.data(), records.size()))) return false;
  for (size_t i = 0; i < records.size(); ++i) {
    if (room[i] < 0 || static_cast<size_t>(room[i]) >= commons.size()) return false;
    const Common& common = commons[static_cast<size_t>(room[i])];
    records[i].is_late_spans = common.is_late_spans;
    if (common.is_late_spans) continue;
    Decision& decision = records[i].decision;
    decision.verdict = common.verdict;
    decision.cause = common.cause;
    decision.policy = common.policy;
    decision.voted = common.voted;
    decision.policy_set = common.policy_set;
  }
  return true;
}

// Late spans have no fields but the first.
bool has_field(const DecisionRecord& record, bool is_for_all) { return is_for_all || !record.is_late_spans; }

void put_field(std::span<const DecisionRecord> records, const Field& field, bool is_for_all, BitWriter& out) {
  Numbers room;
  size_t count = 0;
  for (const DecisionRecord& record : records) {
    if (has_field(record, is_for_all)) room[count++] = field.get(record.decision);
  }
  put_column(std::span(room.data(), count), out);
}

bool take_field(BitReader& in, const Field& field, bool is_for_all, std::span<DecisionRecord> records) {
  Numbers room;
  size_t count = 0;
  for (const DecisionRecord& record : records) count += has_field(record, is_for_all) ? 1 : 0;
  if (!take_column(in, std::span(room.data(), count))) return false;
  const int64_t* next = room.data();
  for (DecisionRecord& record : records) {
    if (has_field(record, is_for_all) && !field.set(*next++, record.decision)) return false;
  }
  return true;
}

constexpr Field kLateSpans = kCount<&Decision::late_span_count>;

// The bits of a page behind its checksum.
Result<std::string_view> checked(std::string_view bytes) {
  if (bytes.size() <= kChecksumBytes || bytes.size() > kPageBytesMax) {
    return fail(Errc::Corrupt, fmt::format("a page of decisions cannot have {} bytes", bytes.size()));
  }
  const std::string_view content = bytes.substr(0, bytes.size() - kChecksumBytes);
  uint32_t checksum = 0;
  std::memcpy(&checksum, bytes.data() + content.size(), kChecksumBytes);
  if (checksum != base::crc32c(content)) return fail(Errc::Corrupt, "a page of decisions fails its checksum");
  return content;
}

std::unexpected<base::Error> broken(std::string_view what) {
  return fail(Errc::Corrupt, fmt::format("a page of decisions has {}", what));
}

}  // namespace

void encode_page(std::span<const DecisionRecord> records, std::string& out) {
  assert(!records.empty() && records.size() <= kPageRecordsMax);
  const size_t start = out.size();
  BitWriter bits(out);
  bits.put(records.size() - 1, kCountBits);
  put_ids(records, bits);
  put_commons(records, bits);
  put_field(records, kLateSpans, true, bits);
  for (const Field& field : kFields) put_field(records, field, false, bits);
  bits.finish();
  const uint32_t checksum = base::crc32c(std::string_view(out).substr(start));
  out.append(reinterpret_cast<const char*>(&checksum), kChecksumBytes);
}

Result<std::vector<DecisionRecord>> decode_page(std::string_view bytes, const TraceId& first) {
  const auto content = checked(bytes);
  if (!content) return std::unexpected(content.error());
  BitReader in(*content);
  std::vector<DecisionRecord> records(static_cast<size_t>(in.take(kCountBits)) + 1);
  IdReader ids(first, in);
  records[0].decision.id = first;
  for (DecisionRecord& record : std::span(records).subspan(1)) {
    if (!ids.advance()) return broken("ids that cannot be");
    record.decision.id = ids.id();
  }
  if (!take_commons(in, records)) return broken("verdicts or causes that cannot be");
  bool is_good = take_field(in, kLateSpans, true, records);
  for (const Field& field : kFields) is_good = is_good && take_field(in, field, false, records);
  if (!is_good) return broken("numbers that cannot be");
  if (block::bytes_of_bits(in.position()) != content->size()) return broken("another length than its content");
  return records;
}

Result<> find_in_page(std::string_view bytes, const TraceId& first, const TraceId& id,
                      std::vector<DecisionRecord>& found) {
  const auto content = checked(bytes);
  if (!content) return std::unexpected(content.error());
  BitReader in(*content);
  const auto count = static_cast<size_t>(in.take(kCountBits)) + 1;
  IdReader ids(first, in);
  size_t at = 0;
  while (ids.id() < id && ++at < count) {
    if (!ids.advance()) return broken("ids that cannot be");
  }
  if (at == count || ids.id() != id) return {};
  const auto records = decode_page(bytes, first);
  if (!records) return std::unexpected(records.error());
  for (; at < records->size() && (*records)[at].decision.id == id; ++at) found.push_back((*records)[at]);
  return {};
}

}  // namespace backstitch::store::decisions
