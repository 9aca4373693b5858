// What the walk wants of an attribute key, by the FeaturePlan and for the calls that are counted, found without
// matching patterns each time: services write the same few hundred keys over and over. Private to wire/otlp.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "model/feature_plan.h"
#include "wire/otlp/peer_facts.h"

namespace backstitch::wire::otlp {

// One word, since it is copied for every attribute.
class KeyVerdict {
 public:
  bool redact() const { return (bits_ & 1) != 0; }
  // Index among the plan's attributes of that level (Resource, Scope or Span) + 1; 0: nobody asked.
  uint32_t slot(model::AttributeLevel level) const { return bits_ >> shift(level) & 0xff; }

  PeerKey peer_key() const { return static_cast<PeerKey>(bits_ >> 1 & 0xf); }

  void set_redact(bool redact) { bits_ |= redact ? 1 : 0; }
  void set_peer_key(PeerKey key) { bits_ |= static_cast<uint32_t>(key) << 1; }
  void set_slot(model::AttributeLevel level, uint32_t slot) { bits_ |= slot << shift(level); }

 private:
  static uint32_t shift(model::AttributeLevel level) { return 8 * (static_cast<uint32_t>(level) + 1); }

  uint32_t bits_ = 0;
};

// A cache over model::is_redacted and the plan's selectors. Keys that are long, or whose few slots others are in, cost
// a match; the answer is the same.
class AttributeKeys {
 public:
  explicit AttributeKeys(model::FeaturePlan plan) : plan_(std::move(plan)) {}

  KeyVerdict verdict(std::string_view key) {
    if (key.size() > kKeyBytesMax || key.empty()) [[unlikely]]
      return judge(key);
    const Ends ends = ends_of(key.data(), key.size());
    const size_t home = ends.place();
    if (entries_[home].is(key, ends)) [[likely]]
      return entries_[home].verdict;
    return probe(key, ends, home);
  }
  size_t selected_count(model::AttributeLevel level) const {
    return static_cast<size_t>(std::ranges::count(plan_.attributes, level, &model::AttributeSelector::level));
  }

 private:
  static constexpr uint32_t kEntryBits = 10;
  static constexpr size_t kProbes = 4;
  static constexpr size_t kKeyBytesMax = 51;
  // A key's first and last eight bytes, which overlap where it is short; of fewer than eight all there are. Most keys
  // are told apart by them, which costs less than a hash over all bytes.
  struct Ends {
    uint64_t first = 0;
    uint64_t last = 0;

    bool operator==(const Ends&) const = default;
    size_t place() const {
      constexpr uint64_t kOdd = 0x9e3779b97f4a7c15;  // 2^64 over the golden ratio
      return ((first * kOdd ^ last) * kOdd) >> (64 - kEntryBits);
    }
  };
  template <typename T>
  static T load(const char* bytes) {
    T value;
    std::memcpy(&value, bytes, sizeof(T));
    return value;
  }
  static Ends ends_of(const char* key, size_t size) {
    if (size >= 8) return {load<uint64_t>(key), load<uint64_t>(key + size - 8)};
    if (size >= 4) return {load<uint32_t>(key), load<uint32_t>(key + size - 4)};
    return {load<uint8_t>(key), uint64_t{load<uint8_t>(key + size / 2)} << 8 | load<uint8_t>(key + size - 1)};
  }

  struct Entry {
    Ends ends;
    KeyVerdict verdict;
    uint8_t size = 0;             // 0: free
    char tail[kKeyBytesMax - 8];  // what follows the first eight bytes

    bool is(std::string_view other, const Ends& theirs) const {
      if (size != other.size() || !(ends == theirs)) return false;
      for (size_t at = 8; at + 8 < other.size(); at += 8) {
        if (load<uint64_t>(tail + at - 8) != load<uint64_t>(other.data() + at)) return false;
      }
      return true;
    }
    KeyVerdict set(std::string_view key, KeyVerdict judged) {
      ends = ends_of(key.data(), key.size());
      verdict = judged;
      size = static_cast<uint8_t>(key.size());
      if (key.size() > 8) std::memcpy(tail, key.data() + 8, key.size() - 8);
      return verdict;
    }
  };
  static_assert(sizeof(Entry) == 64);

  [[gnu::noinline]] KeyVerdict probe(std::string_view key, const Ends& ends, size_t home) {
    for (size_t i = 0; i < kProbes; ++i) {
      Entry& entry = entries_[(home + i) % entries_.size()];
      if (entry.is(key, ends)) return entry.verdict;
      if (entry.size == 0) return entry.set(key, judge(key));
    }
    return entries_[home].set(key, judge(key));
  }

  [[gnu::noinline]] KeyVerdict judge(std::string_view key) const {
    KeyVerdict verdict;
    verdict.set_redact(model::is_redacted(key, plan_.redact));
    verdict.set_peer_key(peer_key_of(key));
    std::array<uint32_t, 3> counts{};
    for (size_t i = 0; i < plan_.attributes.size() && i < model::FeaturePlan::kAttributesMax; ++i) {
      const model::AttributeSelector& selector = plan_.attributes[i];
      const auto level = static_cast<size_t>(selector.level);
      if (level >= counts.size()) continue;
      ++counts[level];
      if (selector.key == key) verdict.set_slot(selector.level, counts[level]);
    }
    return verdict;
  }

  model::FeaturePlan plan_;
  std::array<Entry, size_t{1} << kEntryBits> entries_;
};

}  // namespace backstitch::wire::otlp
