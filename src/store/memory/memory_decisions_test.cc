#include "store/memory/memory_decisions.h"

#include <gtest/gtest.h>

#include "store/conformance/decision_suite.h"

namespace backstitch::store::conformance {
namespace {

class MemoryDecisionFixture final : public DecisionFixture {
 public:
  DecisionStore& store() override { return *store_; }
  bool reopen() override { return false; }

 private:
  std::unique_ptr<DecisionStore> store_ = make_memory_decisions();
};

INSTANTIATE_TEST_SUITE_P(Memory, DecisionConformance,
                         testing::Values(DecisionStoreUnderTest{
                             "memory", [] { return std::make_unique<MemoryDecisionFixture>(); }}),
                         testing::PrintToStringParamName());

}  // namespace
}  // namespace backstitch::store::conformance
