// Counters and gauges that /metrics shows. Every drop, truncation, refusal and fallback has one, labelled with
// its reason.
//
//   Metrics metrics;
//   Counter& refused = metrics.counter("backstitch_requests_refused", "Requests refused", {{"reason", "queue_full"}});
//   refused.add();
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace backstitch::base {

class Counter {
 public:
  void add(uint64_t count = 1) { value_.fetch_add(count, std::memory_order_relaxed); }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

// A distribution of durations in buckets of fixed bounds (1 ms … 10 s).
class DurationHistogram {
 public:
  static constexpr std::chrono::nanoseconds kBounds[] = {
      std::chrono::milliseconds(1),   std::chrono::milliseconds(2),   std::chrono::milliseconds(5),
      std::chrono::milliseconds(10),  std::chrono::milliseconds(20),  std::chrono::milliseconds(50),
      std::chrono::milliseconds(100), std::chrono::milliseconds(200), std::chrono::milliseconds(500),
      std::chrono::seconds(1),        std::chrono::seconds(2),        std::chrono::seconds(5),
      std::chrono::seconds(10)};
  static constexpr size_t kBucketCount = std::size(kBounds) + 1;

  void record(std::chrono::nanoseconds duration);
  uint64_t bucket(size_t index) const { return buckets_[index].load(std::memory_order_relaxed); }
  uint64_t sum_nanos() const { return sum_nanos_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> buckets_[kBucketCount] = {};
  std::atomic<uint64_t> sum_nanos_{0};
};

// Appends `text` as it stands between a label's quotes.
void append_label_value(std::string_view text, std::string& out);

using Labels = std::vector<std::pair<std::string, std::string>>;

// All metrics of one process. Thread-safe. What it hands out lives as long as it does.
class Metrics {
 public:
  // Names follow OpenMetrics and carry no "_total": it is added where the text is written. The same name and
  // labels give the same object.
  Counter& counter(const std::string& name, const std::string& help, const Labels& labels = {});
  DurationHistogram& duration(const std::string& name, const std::string& help, const Labels& labels = {});
  // `read` is called at each rendering, on the thread that renders, until this object ends.
  void gauge(const std::string& name, const std::string& help, std::function<double()> read, const Labels& labels = {});

  // Families that another counts: `write` appends them whole, as OpenMetrics text, at each rendering, on the thread
  // that renders, until this object ends. Exemplars only where it says so. The same name replaces them.
  void text(const std::string& name, std::function<void(bool with_exemplars, std::string& out)> write);

  // What a counter or gauge says now, for whoever shows it elsewhere; nothing where there is none of that name and
  // those labels.
  std::optional<double> value(const std::string& name, const Labels& labels = {}) const;
  // Of all that have the name, whatever their labels.
  std::optional<double> sum(const std::string& name) const;

  // OpenMetrics 1.0 text, "# EOF" included.
  std::string render(bool with_exemplars = false) const;

 private:
  struct Family;
  Family& family(const std::string& name, const std::string& help, std::string_view type);

  mutable std::mutex mutex_;
  std::map<std::string, std::unique_ptr<Family>> families_;
  std::map<std::string, std::function<void(bool, std::string&)>> texts_;

 public:
  Metrics();
  ~Metrics();
};

}  // namespace backstitch::base
