// A store of decisions in a real directory or on a simulated disk, for its tests.
#pragma once

#include <charconv>
#include <gtest/gtest.h>
#include <memory>
#include <string>

#include "base/simulated_file_system.h"
#include "store/conformance/decision_suite.h"
#include "store/decisions/decision_runs.h"

namespace backstitch::store::decisions {

// Few records to a page and to a run, so that small tests have many of both.
inline DecisionRunOptions small_runs() {
  return {
      .directory = "data/decisions",
      .flush_records = 20,
      .page_records = 4,
      .merge = {
          .small_records = 40, .records_max = 4000, .runs_min = 3, .runs_max = 8, .apart_max = base::Duration::max()}};
}

// Everything that a store is given, and the store.
class Rig {
 public:
  explicit Rig(base::FileSystem& files, DecisionRunOptions options = small_runs())
      : files_(files), options_(std::move(options)) {}

  base::Result<> open() {
    store_.reset();
    auto opened = open_decision_runs(options_, {files_, clock_, metrics_});
    if (!opened) return std::unexpected(opened.error());
    store_ = std::move(*opened);
    return {};
  }
  void close() { store_.reset(); }
  DecisionStore& store() { return *store_; }
  bool is_open() const { return store_ != nullptr; }
  base::FakeClock& clock() { return clock_; }
  // Of a counter or gauge, by its whole name; 0 where there is none.
  double metric(const std::string& name) const {
    const std::string text = "\n" + metrics_.render();
    const size_t at = text.find("\n" + name + " ");
    double value = 0;
    if (at != std::string::npos) std::from_chars(&text[at + name.size() + 2], text.data() + text.size(), value);
    return value;
  }

 private:
  base::FileSystem& files_;
  const DecisionRunOptions options_;
  base::FakeClock clock_;
  base::Metrics metrics_;
  std::unique_ptr<DecisionStore> store_;
};

// Until there is nothing more to do.
inline void maintain_all(DecisionStore& store) {
  for (int i = 0; i < 1000; ++i) {
    const auto more = store.maintain({});
    ASSERT_TRUE(more) << more.error().message;
    if (!*more) return;
  }
  FAIL() << "maintenance goes on and on";
}

}  // namespace backstitch::store::decisions
