// Which codec a column's pages get: the one that won for a page wins again for most of the next ones.
//
// It is used alone, and all of them are tried anew when it does worse than it did, and now and then: the longer it has
// won, the rarer. So a page costs little more than its own encoding.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace backstitch::store::block {

class CodecChoice {
 public:
  // Whether the winner may be used without a trial. Counts one page.
  bool next_is_decided() {
    if (pages_until_trial_ == 0) return false;
    --pages_until_trial_;
    return true;
  }
  uint8_t codec() const { return codec_; }
  // Whether the winner, used without a trial, did as well as at its trial.
  bool is_content(size_t values, size_t bytes) const {
    return values < kWatchedValuesMin ||
           static_cast<float>(bytes) <= bytes_per_value_ * static_cast<float>(values) * kWorseFactor;
  }
  void won(uint8_t codec, size_t values, size_t bytes) {
    const bool again = codec == codec_ && pages_between_trials_ != 0;
    pages_between_trials_ =
        again ? std::min(kPagesBetweenTrialsMax, static_cast<uint8_t>(pages_between_trials_ * 2)) : uint8_t{1};
    pages_until_trial_ = pages_between_trials_;
    bytes_per_value_ = static_cast<float>(bytes) / static_cast<float>(values);
    codec_ = codec;
  }

 private:
  static constexpr uint8_t kPagesBetweenTrialsMax = 32;
  static constexpr size_t kWatchedValuesMin = 256;  // of fewer, the size says little
  static constexpr float kWorseFactor = 1.2F;

  uint8_t codec_ = 0;
  uint8_t pages_until_trial_ = 0;
  uint8_t pages_between_trials_ = 0;
  float bytes_per_value_ = 0;
};

}  // namespace backstitch::store::block
