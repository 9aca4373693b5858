#include "store/block/integer_choice.h"

#include <absl/container/flat_hash_map.h>
#include <algorithm>
#include <bit>
#include <cassert>
#include <numeric>

#include "store/block/bit_packing.h"

namespace backstitch::store::block {

// What one pass over the values tells.
struct IntegerChooser::Survey {
  IntegerRange range;
  size_t runs = 0;            // of equal neighbours
  uint64_t unit = 0;          // the greatest common divisor of all distances from the minimum
  uint64_t value_bits = 0;    // sum of the lengths of the distances from the minimum
  uint64_t delta_bits = 0;    // sum of the lengths of the zigzagged differences of neighbours
  size_t round_values = 0;    // of a sample: multiples of 100, other than 0
  size_t sampled_values = 0;  // of the same sample: all
  bool has_few_values = false;
};

namespace {

constexpr size_t kSampledValues = 64;
constexpr unsigned kClassBitsMin = 9;     // narrower values are one byte plane
constexpr size_t kDictionaryBitsMin = 9;  // narrower values are codes already
// A page under zstd costs five times as much to read as a packed one; it must be that much smaller.
constexpr double kSlowPenalty = 1.03;
constexpr size_t kSlowPenaltyBytes = 4;

struct Unit {
  uint64_t nanos;
  uint32_t power;
};
// What clocks tick in: milliseconds, microseconds, .NET's 100 ns.
constexpr Unit kUnits[] = {{1'000'000, 6}, {1'000, 3}, {100, 2}};

CodecSet allowed_in(PageRole role) {
  if (role == PageRole::Whole) return kAllCodecs;
  return role == PageRole::Multiples ? kUnscaledCodecs : kLeafCodecs;
}

size_t score(IntegerCodec codec, size_t size) {
  if (codec == IntegerCodec::Constant || codec == IntegerCodec::Packed) return size;
  return static_cast<size_t>(static_cast<double>(size) * kSlowPenalty) + kSlowPenaltyBytes;
}

// Gives up early.
bool has_few_distinct(std::span<const uint64_t> values) {
  constexpr size_t kSlots = 1024;
  std::array<uint64_t, kSlots> slots{};
  size_t distinct = 0;
  for (const uint64_t value : values) {
    size_t slot = (value * 0x9e3779b97f4a7c15ULL) >> 54;
    while (slots[slot] != 0 && slots[slot] != value + 1) slot = (slot + 1) % kSlots;
    if (slots[slot] != 0) continue;
    if (++distinct > kDictionaryValuesMax) return false;
    slots[slot] = value + 1;  // the greatest value stays 0: counted at each sight, so at worst no dictionary
  }
  return distinct * 4 <= values.size();
}

uint32_t decimal_power(uint64_t value) {
  if (value == 0) return 0;
  for (const Unit& unit : kUnits) {
    if (value % unit.nanos == 0) return unit.power;
  }
  return 0;
}

uint64_t power_of_ten(uint32_t power) {
  for (const Unit& unit : kUnits) {
    if (unit.power == power) return unit.nanos;
  }
  return 1;
}

}  // namespace

IntegerChooser::Survey IntegerChooser::survey(std::span<const uint64_t> values) {
  Survey facts{.range = range_of(values)};
  uint64_t before = values[0];
  facts.runs = 1;
  for (const uint64_t value : values) {
    const uint64_t above = value - facts.range.min;
    facts.runs += value != before ? 1 : 0;
    if (facts.unit != 1 && (facts.unit == 0 || above % facts.unit != 0)) facts.unit = std::gcd(facts.unit, above);
    facts.value_bits += static_cast<uint64_t>(std::bit_width(above));
    facts.delta_bits += static_cast<uint64_t>(std::bit_width(zigzag(static_cast<int64_t>(value - before))));
    before = value;
  }
  for (size_t i = 0; i < values.size(); i += values.size() / kSampledValues + 1) {
    ++facts.sampled_values;
    facts.round_values += values[i] != 0 && values[i] % 100 == 0 ? 1 : 0;
  }
  return facts;
}

void IntegerChooser::put_page(std::span<const uint64_t> values, PageRole role, std::string& out) {
  if (values.empty()) return;
  const IntegerRange range = range_of(values);
  if (range.min == range.max) {
    out += static_cast<char>(IntegerCodec::Constant);
    put_varint(range.min, out);
    return;
  }
  Survey facts = survey(values);
  CodecChoice& choice = choices_[static_cast<size_t>(role)];
  const size_t before = out.size();
  if (choice.next_is_decided()) {
    put_as(static_cast<IntegerCodec>(choice.codec()), values, facts, out);
    if (choice.is_content(values.size(), out.size() - before)) return;
    out.resize(before);
  }
  facts.has_few_values =
      static_cast<size_t>(std::bit_width(range.max - range.min)) >= kDictionaryBitsMin && has_few_distinct(values);
  const IntegerCodec winner = put_by_trial(values, facts, role, out);
  choice.won(static_cast<uint8_t>(winner), values.size(), out.size() - before);
}

IntegerCodec IntegerChooser::put_by_trial(std::span<const uint64_t> values, const Survey& facts, PageRole role,
                                          std::string& out) {
  const CodecSet allowed = allowed_in(role);
  const auto width = static_cast<unsigned>(std::bit_width(facts.range.max - facts.range.min));
  std::string best;
  std::string candidate;
  size_t best_score = 0;
  auto winner = IntegerCodec::Packed;
  const auto consider = [&](IntegerCodec codec, bool may_win) {
    if (!may_win || !allowed.has(codec)) return;
    candidate.clear();
    put_as(codec, values, facts, candidate);
    const size_t reached = score(codec, candidate.size());
    if (best_score != 0 && reached >= best_score) return;
    best_score = reached;
    best.swap(candidate);
    winner = codec;
  };
  consider(IntegerCodec::Packed, true);
  consider(IntegerCodec::Bytes, true);
  consider(IntegerCodec::Runs, facts.runs * 2 <= values.size());
  consider(IntegerCodec::Classes, width >= kClassBitsMin);
  consider(IntegerCodec::Delta, facts.delta_bits < facts.value_bits);
  consider(IntegerCodec::Dictionary, facts.has_few_values);
  consider(IntegerCodec::Scaled, facts.unit > 1);
  consider(IntegerCodec::Decimal, facts.round_values * 8 >= facts.sampled_values);
  out += best;
  return winner;
}

void IntegerChooser::put_as(IntegerCodec codec, std::span<const uint64_t> values, const Survey& facts,
                            std::string& out) {
  out += static_cast<char>(codec);
  switch (codec) {
    case IntegerCodec::Bytes:
      return put_bytes(values, facts.range, out);
    case IntegerCodec::Classes:
      return put_classes(values, facts.range, out);
    case IntegerCodec::Runs:
      return put_runs(values, facts, out);
    case IntegerCodec::Delta:
      return put_delta(values, out);
    case IntegerCodec::Dictionary:
      return put_dictionary(values, out);
    case IntegerCodec::Scaled:
      return put_scaled(values, facts, out);
    case IntegerCodec::Decimal:
      return put_decimal(values, out);
    case IntegerCodec::Constant:
    case IntegerCodec::Packed:
      out.back() = static_cast<char>(IntegerCodec::Packed);
      return put_packed(values, facts.range, out);
  }
}

void IntegerChooser::put_runs(std::span<const uint64_t> values, const Survey& facts, std::string& out) {
  std::vector<uint64_t> run_values;
  std::vector<uint64_t> more;  // repetitions after the first
  run_values.reserve(facts.runs);
  more.reserve(facts.runs);
  for (size_t at = 0; at < values.size();) {
    size_t end = at + 1;
    while (end < values.size() && values[end] == values[at]) ++end;
    run_values.push_back(values[at]);
    more.push_back(end - at - 1);
    at = end;
  }
  put_varint(run_values.size(), out);
  std::string page;
  put_page(run_values, PageRole::RunValues, page);
  put_part(page, out);
  put_page(more, PageRole::RunLengths, out);
}

void IntegerChooser::put_delta(std::span<const uint64_t> values, std::string& out) {
  std::vector<uint64_t> differences(values.size() - 1);
  for (size_t i = 0; i < differences.size(); ++i) {
    differences[i] = zigzag(static_cast<int64_t>(values[i + 1] - values[i]));
  }
  put_varint(values[0], out);
  put_page(differences, PageRole::Differences, out);
}

void IntegerChooser::put_dictionary(std::span<const uint64_t> values, std::string& out) {
  absl::flat_hash_map<uint64_t, uint64_t> codes;
  for (const uint64_t value : values) {
    codes.try_emplace(value, 0);
    if (codes.size() <= kDictionaryValuesMax) continue;
    out.back() = static_cast<char>(IntegerCodec::Packed);  // the column has changed; the size will cause a trial
    return put_packed(values, range_of(values), out);
  }
  std::vector<uint64_t> steps;
  for (const auto& [value, code] : codes) steps.push_back(value);
  std::ranges::sort(steps);
  for (size_t i = 0; i < steps.size(); ++i) codes[steps[i]] = i;
  std::adjacent_difference(steps.begin(), steps.end(), steps.begin());
  put_varint(steps.size(), out);
  std::string page;
  put_page(steps, PageRole::DictionaryValues, page);
  put_part(page, out);
  std::vector<uint64_t> of_rows(values.size());
  std::ranges::transform(values, of_rows.begin(), [&](uint64_t value) { return codes.find(value)->second; });
  put_page(of_rows, PageRole::Codes, out);
}

void IntegerChooser::put_scaled(std::span<const uint64_t> values, const Survey& facts, std::string& out) {
  std::vector<uint64_t> multiples(values.size());
  std::ranges::transform(values, multiples.begin(),
                         [&](uint64_t value) { return (value - facts.range.min) / facts.unit; });
  put_varint(facts.range.min, out);
  put_varint(facts.unit, out);
  put_page(multiples, PageRole::Multiples, out);
}

void IntegerChooser::put_decimal(std::span<const uint64_t> values, std::string& out) {
  std::vector<uint64_t> powers(values.size());
  std::vector<uint64_t> mantissas(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    const uint32_t power = decimal_power(values[i]);
    powers[i] = power;
    mantissas[i] = values[i] / power_of_ten(power);
  }
  std::string page;
  put_page(powers, PageRole::Powers, page);
  put_part(page, out);
  put_page(mantissas, PageRole::Multiples, out);
}

}  // namespace backstitch::store::block
