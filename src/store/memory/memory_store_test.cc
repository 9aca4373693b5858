#include "store/memory/memory_store.h"

#include <gtest/gtest.h>

#include "store/conformance/suite.h"

namespace backstitch::store::conformance {
namespace {

class MemoryFixture final : public StoreFixture {
 public:
  TraceStore& store() override { return *store_; }
  bool reopen() override { return false; }

 private:
  std::unique_ptr<TraceStore> store_ = make_memory_store();
};

INSTANTIATE_TEST_SUITE_P(Memory, StoreConformance,
                         testing::Values(StoreUnderTest{"memory", [] { return std::make_unique<MemoryFixture>(); }}),
                         testing::PrintToStringParamName());

}  // namespace
}  // namespace backstitch::store::conformance
