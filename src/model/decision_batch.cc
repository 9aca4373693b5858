#include "model/decision_batch.h"

#include <bit>
#include <cassert>
#include <fmt/format.h>

namespace backstitch::model {
namespace {

using base::Errc;
using base::fail;
using base::Result;

constexpr uint8_t kVersion = 1;
constexpr uint64_t kNanosPerMilli = 1'000'000;
constexpr int64_t kNanosPerMicro = 1'000;
constexpr size_t kIdBytes = 16;
// Of one record at the least: an id and a varint for each number.
constexpr size_t kDecisionBytesMin = kIdBytes + 11;
constexpr size_t kLateSpansBytesMin = kIdBytes + 2;

uint64_t zigzag(int64_t value) { return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63); }
int64_t unzigzag(uint64_t value) { return static_cast<int64_t>((value >> 1) ^ (0 - (value & 1))); }

uint64_t millis(base::Timestamp at) { return at.unix_nanos / kNanosPerMilli; }

// False where no Timestamp can say it.
bool at_millis(uint64_t value, base::Timestamp& at) {
  at = {value * kNanosPerMilli};
  return value <= UINT64_MAX / kNanosPerMilli;
}

void put(uint64_t number, std::string& out) {
  while (number >= 0x80) {
    out += static_cast<char>(number | 0x80);
    number >>= 7;
  }
  out += static_cast<char>(number);
}

void put(const TraceId& id, std::string& out) {
  out.append(reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size());
}

// Times lie near each other: each is told by how far it is from the one before.
class TimeCoder {
 public:
  uint64_t encode(base::Timestamp at) {
    const uint64_t now = millis(at);
    const auto step = static_cast<int64_t>(now - last_);
    last_ = now;
    return zigzag(step);
  }
  bool decode(uint64_t step, base::Timestamp& at) {
    last_ += static_cast<uint64_t>(unzigzag(step));
    return at_millis(last_, at);
  }

 private:
  uint64_t last_ = 0;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  size_t at() const { return at_; }
  size_t left() const { return bytes_.size() - at_; }
  bool is_good() const { return is_good_; }

  uint64_t number(uint64_t max = UINT64_MAX) {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && at_ < bytes_.size(); shift += 7) {
      const auto byte = static_cast<uint8_t>(bytes_[at_++]);
      if (shift == 63 && byte > 1) break;
      value |= uint64_t{byte & 0x7fU} << shift;
      if (byte >= 0x80) continue;
      if ((byte == 0 && shift != 0) || value > max) break;
      return value;
    }
    is_good_ = false;
    return 0;
  }
  uint32_t number32() { return static_cast<uint32_t>(number(UINT32_MAX)); }
  TraceId id() {
    if (left() < kIdBytes) {
      is_good_ = false;
      return {};
    }
    at_ += kIdBytes;
    return TraceId::from_bytes(bytes_.data() + at_ - kIdBytes);
  }
  void time(TimeCoder& coder, base::Timestamp& at) { is_good_ = coder.decode(number(), at) && is_good_; }
  void time_before(base::Timestamp later, base::Timestamp& at) {
    const uint64_t wait = static_cast<uint64_t>(unzigzag(number()));
    is_good_ = at_millis(millis(later) - wait, at) && is_good_;
  }

 private:
  std::string_view bytes_;
  size_t at_ = 0;
  bool is_good_ = true;
};

int64_t micros(base::Duration duration) { return duration.count() / kNanosPerMicro; }

void put(const Decision& decision, TimeCoder& times, std::string& out) {
  put(decision.id, out);
  put(static_cast<uint8_t>(decision.verdict), out);
  put(static_cast<uint8_t>(decision.cause), out);
  put(decision.policy, out);
  put(decision.voted, out);
  put(decision.policy_set, out);
  put(times.encode(decision.decided), out);
  put(zigzag(static_cast<int64_t>(millis(decision.decided) - millis(decision.opened))), out);
  put(zigzag(micros(decision.duration)), out);
  put(decision.span_count, out);
  put(decision.error_count, out);
  put(decision.late_span_count, out);
  // Most weigh one, whose bits then take a byte.
  put(std::bit_cast<uint32_t>(decision.weight) ^ std::bit_cast<uint32_t>(1.0F), out);
}

Decision read_decision(Reader& reader, TimeCoder& times) {
  constexpr auto kMicrosMax = static_cast<uint64_t>(INT64_MAX / kNanosPerMicro);
  Decision decision;
  decision.id = reader.id();
  decision.verdict = static_cast<Verdict>(reader.number(kVerdictMax));
  decision.cause = static_cast<DecisionCause>(reader.number(kDecisionCauseMax));
  decision.policy = static_cast<uint8_t>(reader.number(UINT8_MAX));
  decision.voted = reader.number();
  decision.policy_set = reader.number32();
  reader.time(times, decision.decided);
  reader.time_before(decision.decided, decision.opened);
  decision.duration = base::Duration(unzigzag(reader.number(2 * kMicrosMax + 1)) * kNanosPerMicro);
  decision.span_count = reader.number32();
  decision.error_count = reader.number32();
  decision.late_span_count = reader.number32();
  decision.weight = std::bit_cast<float>(reader.number32() ^ std::bit_cast<uint32_t>(1.0F));
  return decision;
}

LateSpans read_late_spans(Reader& reader, TimeCoder& times) {
  LateSpans late;
  late.id = reader.id();
  late.count = reader.number32();
  reader.time(times, late.received);
  return late;
}

// How many records follow: never more than the bytes could hold.
Result<uint64_t> read_count(Reader& reader, size_t bytes_min) {
  const uint64_t count = reader.number();
  if (count > kDecisionBatchMax) {
    return fail(Errc::TooLarge, fmt::format("a batch of {} decisions; the limit is {}", count, kDecisionBatchMax));
  }
  if (!reader.is_good() || count > reader.left() / bytes_min) {
    return fail(Errc::Malformed, fmt::format("a batch of decisions ends early, at byte {}", reader.at()));
  }
  return count;
}

}  // namespace

std::string encode_decisions(const DecisionBatch& batch) {
  assert(batch.decisions.size() <= kDecisionBatchMax && batch.late_spans.size() <= kDecisionBatchMax);
  std::string out;
  out.reserve(2 * kDecisionBytesMin * batch.decisions.size() + 2 * kLateSpansBytesMin * batch.late_spans.size() + 16);
  TimeCoder times;
  put(kVersion, out);
  put(batch.decisions.size(), out);
  for (const Decision& decision : batch.decisions) put(decision, times, out);
  put(batch.late_spans.size(), out);
  for (const LateSpans& late : batch.late_spans) {
    put(late.id, out);
    put(late.count, out);
    put(times.encode(late.received), out);
  }
  return out;
}

Result<DecisionBatch> decode_decisions(std::string_view bytes) {
  Reader reader(bytes);
  const uint64_t version = reader.number();
  if (reader.is_good() && version != kVersion) {
    return fail(Errc::Unsupported,
                fmt::format("a batch of decisions of version {}; this build reads version {}", version, kVersion));
  }
  DecisionBatch batch;
  TimeCoder times;
  const auto decisions = read_count(reader, kDecisionBytesMin);
  if (!decisions) return std::unexpected(decisions.error());
  batch.decisions.reserve(*decisions);
  for (uint64_t i = 0; i < *decisions && reader.is_good(); ++i) batch.decisions.push_back(read_decision(reader, times));
  const auto late_spans = read_count(reader, kLateSpansBytesMin);
  if (!late_spans) return std::unexpected(late_spans.error());
  batch.late_spans.reserve(*late_spans);
  for (uint64_t i = 0; i < *late_spans && reader.is_good(); ++i) {
    batch.late_spans.push_back(read_late_spans(reader, times));
  }
  if (!reader.is_good() || reader.left() != 0) {
    return fail(Errc::Malformed, fmt::format("a batch of decisions is broken at byte {}", reader.at()));
  }
  return batch;
}

}  // namespace backstitch::model
