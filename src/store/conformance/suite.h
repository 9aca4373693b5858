// What every TraceStore does, as tests: one suite, run on each store.
//
//   INSTANTIATE_TEST_SUITE_P(Memory, StoreConformance, testing::Values(StoreUnderTest{"memory", make_fixture}));
#pragma once

#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <ostream>
#include <string>

#include "store/contract/trace_store.h"

namespace backstitch::store::conformance {

// One store with the place where it keeps things, empty at first.
class StoreFixture {
 public:
  virtual ~StoreFixture();  // defined beside the tests, so that who makes one links them
  virtual TraceStore& store() = 0;
  // Closes the store and opens it again on the same place; references to it end. False where the store keeps nothing
  // beyond its own life, and nothing was done.
  virtual bool reopen() = 0;
};

struct StoreUnderTest {
  std::string name;
  std::function<std::unique_ptr<StoreFixture>()> make;
};
inline void PrintTo(const StoreUnderTest& store, std::ostream* out) { *out << store.name; }

class StoreConformance : public testing::TestWithParam<StoreUnderTest> {
 protected:
  void SetUp() override;
  TraceStore& store() { return fixture_->store(); }
  // For facts that must hold after a restart too.
  void reopen() { fixture_->reopen(); }

 private:
  std::unique_ptr<StoreFixture> fixture_;
};

// Who links this for its sample traces alone runs none of it.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StoreConformance);

}  // namespace backstitch::store::conformance
