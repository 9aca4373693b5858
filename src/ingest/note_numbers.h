// Which messages of peers were taken already. They come once or more often, and sums in features count twice: what is
// known here is taken no more.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <algorithm>
#include <cstdint>
#include <deque>
#include <string>

namespace backstitch::ingest {

class NoteNumbers {
 public:
  static constexpr size_t kSendersMax = 1024;  // beyond, all are forgotten: a repeat is then counted twice
  static constexpr size_t kNumbersMax = 1024;  // of one sender: more are not on their way at once

  void add(const std::string& sender, uint64_t number) {
    if (senders_.size() == kSendersMax && !senders_.contains(sender)) senders_.clear();
    std::deque<uint64_t>& numbers = senders_[sender];
    if (numbers.size() == kNumbersMax) numbers.pop_front();
    numbers.push_back(number);
  }
  bool contains(const std::string& sender, uint64_t number) const {
    const auto known = senders_.find(sender);
    return known != senders_.end() && std::ranges::find(known->second, number) != known->second.end();
  }

 private:
  absl::flat_hash_map<std::string, std::deque<uint64_t>> senders_;  // the newest last
};

}  // namespace backstitch::ingest
