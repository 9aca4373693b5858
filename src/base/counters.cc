#include "base/counters.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <fmt/format.h>
#include <iterator>

namespace backstitch::base {

// Label values and help texts escape the same three characters.
void append_label_value(std::string_view text, std::string& out) {
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
}

namespace {

std::string escaped(std::string_view text) {
  std::string out;
  append_label_value(text, out);
  return out;
}

std::string label_text(const Labels& labels) {
  std::string out;
  for (const auto& [key, value] : labels) {
    if (!out.empty()) out += ',';
    out += key;
    out += "=\"";
    append_label_value(value, out);
    out += '"';
  }
  return out;
}

// OpenMetrics spells the values that are no numbers in its own way.
std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", value);
}

std::string braced(const std::string& labels) { return labels.empty() ? "" : "{" + labels + "}"; }

double seconds(uint64_t nanos) { return static_cast<double>(nanos) / 1e9; }

void render_histogram(const std::string& name, const std::string& labels, const DurationHistogram& histogram,
                      std::string& out) {
  const std::string prefix = labels.empty() ? "" : labels + ",";
  uint64_t cumulative = 0;
  for (size_t i = 0; i < DurationHistogram::kBucketCount; ++i) {
    cumulative += histogram.bucket(i);
    const bool last = i + 1 == DurationHistogram::kBucketCount;
    const std::string bound =
        last ? "+Inf" : fmt::format("{}", seconds(static_cast<uint64_t>(DurationHistogram::kBounds[i].count())));
    out += fmt::format("{}_bucket{{{}le=\"{}\"}} {}\n", name, prefix, bound, cumulative);
  }
  out += fmt::format("{}_count{} {}\n", name, braced(labels), cumulative);
  out += fmt::format("{}_sum{} {}\n", name, braced(labels), seconds(histogram.sum_nanos()));
}

}  // namespace

void DurationHistogram::record(std::chrono::nanoseconds duration) {
  duration = std::max(duration, std::chrono::nanoseconds(0));  // of clocks that go back
  size_t index = 0;
  while (index < std::size(kBounds) && duration > kBounds[index]) ++index;
  buckets_[index].fetch_add(1, std::memory_order_relaxed);
  sum_nanos_.fetch_add(static_cast<uint64_t>(duration.count()), std::memory_order_relaxed);
}

struct Metrics::Family {
  std::string help;
  std::string_view type;
  std::map<std::string, std::unique_ptr<Counter>> counters;
  std::map<std::string, std::unique_ptr<DurationHistogram>> durations;
  std::map<std::string, std::function<double()>> gauges;
};

Metrics::Metrics() = default;
Metrics::~Metrics() = default;

Metrics::Family& Metrics::family(const std::string& name, const std::string& help, std::string_view type) {
  auto& slot = families_[name];
  if (!slot) {
    slot = std::make_unique<Family>();
    slot->help = help;
    slot->type = type;
  }
  assert(slot->type == type);
  return *slot;
}

Counter& Metrics::counter(const std::string& name, const std::string& help, const Labels& labels) {
  const std::lock_guard lock(mutex_);
  auto& slot = family(name, help, "counter").counters[label_text(labels)];
  if (!slot) slot = std::make_unique<Counter>();
  return *slot;
}

DurationHistogram& Metrics::duration(const std::string& name, const std::string& help, const Labels& labels) {
  const std::lock_guard lock(mutex_);
  auto& slot = family(name, help, "histogram").durations[label_text(labels)];
  if (!slot) slot = std::make_unique<DurationHistogram>();
  return *slot;
}

void Metrics::gauge(const std::string& name, const std::string& help, std::function<double()> read,
                    const Labels& labels) {
  const std::lock_guard lock(mutex_);
  family(name, help, "gauge").gauges[label_text(labels)] = std::move(read);
}

void Metrics::text(const std::string& name, std::function<void(bool, std::string&)> write) {
  const std::lock_guard lock(mutex_);
  texts_[name] = std::move(write);
}

std::optional<double> Metrics::value(const std::string& name, const Labels& labels) const {
  const std::lock_guard lock(mutex_);
  const auto found = families_.find(name);
  if (found == families_.end()) return std::nullopt;
  const std::string text = label_text(labels);
  const auto counter = found->second->counters.find(text);
  if (counter != found->second->counters.end()) return static_cast<double>(counter->second->value());
  const auto gauge = found->second->gauges.find(text);
  return gauge == found->second->gauges.end() ? std::nullopt : std::optional(gauge->second());
}

std::optional<double> Metrics::sum(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = families_.find(name);
  if (found == families_.end()) return std::nullopt;
  double sum = 0;
  for (const auto& [labels, counter] : found->second->counters) sum += static_cast<double>(counter->value());
  for (const auto& [labels, read] : found->second->gauges) sum += read();
  return sum;
}

std::string Metrics::render(bool with_exemplars) const {
  const std::lock_guard lock(mutex_);
  std::string out;
  for (const auto& [name, family] : families_) {
    out += fmt::format("# TYPE {} {}\n# HELP {} {}\n", name, family->type, name, escaped(family->help));
    for (const auto& [labels, counter] : family->counters) {
      out += fmt::format("{}_total{} {}\n", name, braced(labels), counter->value());
    }
    for (const auto& [labels, histogram] : family->durations) render_histogram(name, labels, *histogram, out);
    for (const auto& [labels, read] : family->gauges) {
      out += fmt::format("{}{} {}\n", name, braced(labels), number(read()));
    }
  }
  for (const auto& [name, write] : texts_) write(with_exemplars, out);
  out += "# EOF\n";
  return out;
}

}  // namespace backstitch::base
