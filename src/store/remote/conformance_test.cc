// A store of which everything that is read is read over HTTP.
#include <gtest/gtest.h>
#include <mutex>

#include "base/time.h"
#include "store/conformance/suite.h"
#include "store/memory/memory_store.h"
#include "store/remote/remote_testing.h"

namespace backstitch::store::conformance {
namespace {

using base::Result;

class ReadRemotely final : public TraceStore {
  // A peer that is missing would pass for an empty store.
  template <typename Ask>
  auto ask(const Ask& one) {
    const auto question = peers_->begin();
    auto answer = one(*question);
    for (const MissingPeer& missing : question->missing()) ADD_FAILURE() << missing.why.message;
    return answer;
  }

 public:
  Result<> append(std::span<const SealedTrace> batch) override { return store_->append(batch); }
  Result<uint64_t> covered_sequence(const model::TraceId& id, uint64_t from) override {
    return store_->covered_sequence(id, from);
  }
  Result<uint64_t> highest_sequence() override { return store_->highest_sequence(); }
  Result<uint64_t> remove_sealed_before(model::Timestamp sealed_at, uint32_t max) override {
    return store_->remove_sealed_before(sealed_at, max);
  }
  Result<uint64_t> remove_oldest(uint32_t max) override { return store_->remove_oldest(max); }
  Result<bool> maintain(std::stop_token stop) override { return store_->maintain(stop); }
  Result<std::optional<TimeRange>> time_range() override { return store_->time_range(); }
  uint64_t disk_bytes() const override { return store_->disk_bytes(); }

  std::vector<Result<model::Trace>> find_all(std::span<const model::TraceId> ids) override {
    return ask([&](TraceReader& reader) { return reader.find_all(ids); });
  }
  Result<std::vector<uint32_t>> fragment_counts(std::span<const model::TraceId> ids) override {
    return ask([&](TraceReader& reader) { return reader.fragment_counts(ids); });
  }
  Result<SearchResult> search(const TraceQuery& query) override {
    return ask([&](TraceReader& reader) { return reader.search(query); });
  }
  Result<MetricsResult> metrics(const MetricsQuery& query) override {
    return ask([&](TraceReader& reader) { return reader.metrics(query); });
  }
  Result<std::vector<std::string>> services() override {
    return ask([](TraceReader& reader) { return reader.services(); });
  }
  Result<std::vector<Operation>> operations(const std::string& service) override {
    return ask([&](TraceReader& reader) { return reader.operations(service); });
  }
  Result<std::vector<AttributeName>> attribute_names(uint32_t limit) override {
    return ask([&](TraceReader& reader) { return reader.attribute_names(limit); });
  }
  Result<std::vector<std::string>> attribute_values(const AttributeName& name, uint32_t limit) override {
    return ask([&](TraceReader& reader) { return reader.attribute_values(name, limit); });
  }
  Result<StoreStats> stats() override {
    return ask([](TraceReader& reader) { return reader.stats(); });
  }

 private:
  base::SystemClock clock_;
  base::Metrics metrics_;
  std::unique_ptr<TraceStore> store_ = make_memory_store();
  NodeUnderTest node_{*store_};
  std::unique_ptr<Peers> peers_ =
      make_remote_peers([this] { return std::vector{node_.address()}; },
                        {.query_timeout = std::chrono::seconds(60), .questions_max = 64}, clock_, metrics_);
};

class RemoteFixture final : public StoreFixture {
 public:
  TraceStore& store() override { return store_; }
  bool reopen() override { return false; }

 private:
  ReadRemotely store_;
};

INSTANTIATE_TEST_SUITE_P(Remote, StoreConformance,
                         testing::Values(StoreUnderTest{"remote", [] { return std::make_unique<RemoteFixture>(); }}),
                         testing::PrintToStringParamName());

}  // namespace
}  // namespace backstitch::store::conformance
