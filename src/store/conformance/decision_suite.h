// What every DecisionStore does, as tests: one suite, run on each store.
//
//   INSTANTIATE_TEST_SUITE_P(Memory, DecisionConformance, testing::Values(DecisionStoreUnderTest{"memory", make}));
#pragma once

#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <ostream>
#include <string>

#include "base/random.h"
#include "store/contract/decision_store.h"

namespace backstitch::store::conformance {

// One store with the place where it keeps things, empty at first.
class DecisionFixture {
 public:
  virtual ~DecisionFixture();  // defined beside the tests, so that who makes one links them
  virtual DecisionStore& store() = 0;
  // Closes the store and opens it again on the same place; references to it end. False where the store keeps nothing
  // beyond its own life, and nothing was done.
  virtual bool reopen() = 0;
};

struct DecisionStoreUnderTest {
  std::string name;
  std::function<std::unique_ptr<DecisionFixture>()> make;
};
inline void PrintTo(const DecisionStoreUnderTest& store, std::ostream* out) { *out << store.name; }

class DecisionConformance : public testing::TestWithParam<DecisionStoreUnderTest> {
 protected:
  void SetUp() override { fixture_ = GetParam().make(); }
  DecisionStore& store() { return fixture_->store(); }
  void append(const model::DecisionBatch& batch, uint64_t sequence);
  // For facts that must hold after a restart too: all is durable, in as few places as the store makes of it.
  void restart();

 private:
  std::unique_ptr<DecisionFixture> fixture_;
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(DecisionConformance);

// Of a number below 2^64, in its low half.
model::TraceId decision_id(uint64_t number);
// A dropped trace, decided `at` seconds after some time, as stores keep it.
model::Decision dropped(uint64_t id, uint64_t at = 0);
model::Decision kept(uint64_t id, uint64_t at = 0);
// Any decision about one of `ids` traces, as stores keep it.
model::Decision random_decision(base::Random& random, uint64_t ids);
model::DecisionBatch random_decisions(base::Random& random, uint64_t ids, size_t size_max);
// BACKSTITCH_TEST_SEED, or the one of every run.
uint64_t decision_seed();

}  // namespace backstitch::store::conformance
