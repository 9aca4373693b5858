#include "ingest/sdk_losses.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <map>
#include <thread>
#include <tuple>

#include "base/random.h"
#include "wire/otlp/decode.h"
#include "wire/otlp/walk.h"

namespace backstitch::ingest {
namespace {

using namespace std::chrono_literals;
using model::SdkLossCount;
using model::SdkLossRow;
using Counts = std::vector<std::pair<std::string, int64_t>>;

struct Told {
  std::string service;
  std::string instance;
  Counts dropped;
};

model::Resource resource_of(const Told& told) {
  model::Resource resource{.attributes = {{"service.name", told.service}}};
  if (!told.instance.empty()) resource.attributes.push_back({"service.instance.id", told.instance});
  for (const auto& [reason, spans] : told.dropped) {
    resource.attributes.push_back({"backstitch.sdk.dropped." + reason, spans});
  }
  return resource;
}

// A request with a span for each.
std::string request_of(const std::vector<Told>& all) {
  model::SpanSet set{.resources = {}, .scopes = {{}}, .spans = {}};
  for (const Told& told : all) {
    model::Span span{.name = "op"};
    span.resource = static_cast<uint32_t>(set.resources.size());
    span.trace_id.bytes[15] = span.span_id.bytes[7] = 1;
    set.resources.push_back(resource_of(told));
    set.spans.push_back(std::move(span));
  }
  return wire::otlp::encode_request(set);
}

struct SdkLossesTest : testing::Test {
  void tell(const std::vector<Told>& all) {
    std::string request = request_of(all);
    wire::otlp::Walker walker({}, {});
    model::RequestDigest digest;
    ASSERT_TRUE(walker.walk(request, digest));
    losses->read(digest.resources, request);
  }
  std::vector<SdkLossRow> rows(const model::SdkLossQuery& query = {}) { return losses->sdk_losses(query).value(); }
  uint64_t counted(const std::string& name, const std::string& reason) {
    return metrics.counter(name, "", {{"reason", reason}}).value();
  }
  uint64_t dropped(const std::string& reason) { return counted("backstitch_sdk_spans_dropped", reason); }
  uint64_t ignored(const std::string& reason) { return counted("backstitch_sdk_losses_ignored", reason); }
  uint64_t forgotten() { return metrics.counter("backstitch_sdk_loss_instances_forgotten", "").value(); }
  void limit(const SdkLossesOptions& options) { losses = std::make_unique<SdkLosses>(clock, metrics, options); }

  base::FakeClock clock;
  base::Metrics metrics;
  std::unique_ptr<SdkLosses> losses = std::make_unique<SdkLosses>(clock, metrics);
};

TEST_F(SdkLossesTest, highest_value_of_each_reason_counts_with_when_it_was_first_heard_and_last_grew) {
  const base::Timestamp start = clock.now();
  tell({{"cart", "i-1", {{"queue_full", 5}}}});
  clock.advance(5s);
  tell({{"cart", "i-1", {{"queue_full", 7}, {"rejected", 100}}}});
  clock.advance(5s);
  tell({{"cart", "i-1", {{"queue_full", 7}, {"rejected", 100}}}});
  EXPECT_EQ(rows(), (std::vector<SdkLossRow>{{.service = "cart",
                                              .instance = "i-1",
                                              .spans = 107,
                                              .reasons = {{"rejected", 100}, {"queue_full", 7}},
                                              .first = start,
                                              .last = base::offset(start, 5s)}}));
  EXPECT_EQ(dropped("queue_full"), 7u);
  EXPECT_EQ(dropped("rejected"), 100u);
}

TEST_F(SdkLossesTest, a_lower_value_from_a_late_request_changes_nothing) {
  tell({{"cart", "i-1", {{"queue_full", 7}}}});
  const auto before = rows();
  clock.advance(1s);
  tell({{"cart", "i-1", {{"queue_full", 5}}}});
  EXPECT_EQ(rows(), before);
  EXPECT_EQ(dropped("queue_full"), 7u);
}

TEST_F(SdkLossesTest, a_process_that_starts_again_counts_beside_the_one_before) {
  tell({{"cart", "i-1", {{"queue_full", 7}}}});
  tell({{"cart", "i-2", {{"queue_full", 3}}}});
  ASSERT_EQ(rows().size(), 2u);
  EXPECT_EQ(rows()[0].instance, "i-1");
  EXPECT_EQ(rows()[1].spans, 3u);
  EXPECT_EQ(dropped("queue_full"), 10u);
}

TEST_F(SdkLossesTest, processes_without_an_instance_are_one_of_their_service) {
  tell({{"cart", "", {{"queue_full", 7}}}, {"cart", "", {{"queue_full", 9}}}, {"web", "", {{"queue_full", 1}}}});
  ASSERT_EQ(rows().size(), 2u);
  EXPECT_EQ(rows()[0].spans, 9u);
  EXPECT_EQ(rows()[0].instance, "");
}

TEST_F(SdkLossesTest, resources_without_losses_leave_no_trace) {
  tell({{"cart", "i-1", {}}, {"cart", "i-2", {{"queue_full", 0}}}});
  EXPECT_TRUE(rows().empty());
}

TEST_F(SdkLossesTest, a_request_without_spans_is_heard) {
  std::string resource;  // of the request above, without what follows its resource
  {
    std::string request = request_of({{"cart", "i-1", {{"export_failed", 512}}}});
    wire::otlp::Walker walker({}, {});
    model::RequestDigest digest;
    ASSERT_TRUE(walker.walk(request, digest));
    resource = std::string(digest.resources[0].message.of(request));
  }
  const auto field = [](const std::string& bytes) {  // number 1, shorter than 128
    return "\x0a" + std::string(1, static_cast<char>(bytes.size())) + bytes;
  };
  std::string request = field(field(resource));
  wire::otlp::Walker walker({}, {});
  model::RequestDigest digest;
  ASSERT_EQ(walker.walk(request, digest)->accepted_spans, 0u);
  losses->read(digest.resources, request);
  EXPECT_EQ(rows().at(0).spans, 512u);
}

TEST_F(SdkLossesTest, unknown_reasons_keep_their_name_and_share_a_metric) {
  tell({{"cart", "i-1", {{"queue_full", 1}, {"cosmic_rays", 2}, {"gremlins", 3}}}});
  EXPECT_EQ(rows().at(0).reasons, (std::vector<SdkLossCount>{{"gremlins", 3}, {"cosmic_rays", 2}, {"queue_full", 1}}));
  EXPECT_EQ(dropped("other"), 5u);
}

TEST_F(SdkLossesTest, negative_values_are_ignored_and_counted) {
  tell({{"cart", "i-1", {{"queue_full", -1}, {"rejected", INT64_MIN}}}});
  EXPECT_TRUE(rows().empty());
  EXPECT_EQ(ignored("no_count"), 2u);
}

TEST_F(SdkLossesTest, the_sum_of_any_numbers_is_held_inside_its_type) {
  tell({{"cart", "i-1", {{"a", INT64_MAX}, {"b", INT64_MAX}, {"c", INT64_MAX}}}});
  EXPECT_EQ(rows().at(0).spans, UINT64_MAX);
}

TEST_F(SdkLossesTest, the_process_not_heard_of_for_longest_goes_and_is_counted) {
  limit({.instances_max = 2});
  tell({{"cart", "i-1", {{"queue_full", 1}}}, {"cart", "i-2", {{"queue_full", 2}}}});
  tell({{"cart", "i-1", {{"queue_full", 1}}}});  // says nothing new, but is heard
  tell({{"cart", "i-3", {{"queue_full", 3}}}});
  ASSERT_EQ(rows().size(), 2u);
  EXPECT_EQ(rows()[0].instance, "i-3");
  EXPECT_EQ(rows()[1].instance, "i-1");
  EXPECT_EQ(forgotten(), 1u);
}

TEST_F(SdkLossesTest, names_and_reasons_are_bounded) {
  limit({.reasons_per_instance_max = 2, .name_bytes_max = 4});
  tell({{"carts", "i-1", {{"queue_full", 1}, {"rejected", 1}}}, {"cart", "i-1-2", {{"queue_full", 1}}}});
  EXPECT_TRUE(rows().empty());
  EXPECT_EQ(ignored("too_long"), 3u);
  tell({{"cart", "i-1", {{"a", 1}, {"b", 1}, {"c", 1}}}});
  EXPECT_EQ(rows().at(0).spans, 2u);
  EXPECT_EQ(ignored("too_many"), 1u);
}

TEST_F(SdkLossesTest, answers_begin_with_who_lost_most_of_the_service_that_is_asked_for) {
  tell({{"a", "1", {{"queue_full", 1}}}, {"b", "2", {{"queue_full", 9}}}, {"b", "1", {{"queue_full", 9}}}});
  const auto names = [](const std::vector<SdkLossRow>& rows) {
    std::string text;
    for (const SdkLossRow& row : rows) text += row.service + row.instance + " ";
    return text;
  };
  EXPECT_EQ(names(rows()), "b1 b2 a1 ");
  EXPECT_EQ(names(rows({.service = "", .limit = 2})), "b1 b2 ");
  EXPECT_EQ(names(rows({.service = "a", .limit = 2})), "a1 ");
  EXPECT_EQ(names(rows({.service = "c", .limit = 2})), "");
}

TEST_F(SdkLossesTest, many_threads_tell_and_ask_at_once) {
  constexpr int kThreads = 4, kRounds = 200;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      for (int round = 1; round <= kRounds; ++round) {
        tell({{"own", std::to_string(i), {{"queue_full", round}}}, {"shared", "", {{"rejected", round}}}});
        (void)losses->sdk_losses({});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(rows().size(), kThreads + 1u);
  EXPECT_EQ(dropped("queue_full"), uint64_t{kThreads} * kRounds);
  EXPECT_EQ(dropped("rejected"), uint64_t{kRounds});
}

// The same, slowly: a list of whom it has heard, the last one at the end.
class NaiveLosses {
 public:
  explicit NaiveLosses(size_t instances_max) : instances_max_(instances_max) {}

  void tell(const Told& told, base::Timestamp now) {
    std::map<std::string, uint64_t> counts;
    for (const auto& [reason, spans] : told.dropped) {
      if (spans > 0) counts[reason] = static_cast<uint64_t>(spans);
    }
    if (counts.empty()) return;
    const auto known = std::ranges::find_if(
        heard_, [&](const SdkLossRow& row) { return row.service == told.service && row.instance == told.instance; });
    SdkLossRow row{.service = told.service, .instance = told.instance, .first = now};
    if (known != heard_.end()) {
      row = *known;
      heard_.erase(known);
    }
    for (const auto& [reason, spans] : counts) raise(row, reason, spans, now);
    heard_.push_back(row);
    if (heard_.size() <= instances_max_) return;
    heard_.erase(heard_.begin());
    ++forgotten;
  }

  std::vector<SdkLossRow> rows() const {
    auto rows = heard_;
    for (SdkLossRow& row : rows) {
      std::ranges::sort(row.reasons, {}, [](const SdkLossCount& one) { return std::tuple(-one.spans, one.reason); });
    }
    std::ranges::sort(rows, {},
                      [](const SdkLossRow& row) { return std::tuple(-row.spans, row.service, row.instance); });
    return rows;
  }

  std::map<std::string, uint64_t> dropped;
  uint64_t forgotten = 0;

 private:
  void raise(SdkLossRow& row, const std::string& reason, uint64_t spans, base::Timestamp now) {
    for (SdkLossCount& one : row.reasons) {
      if (one.reason != reason) continue;
      if (spans <= one.spans) return;
      return grow(row, one, spans, now);
    }
    grow(row, row.reasons.emplace_back(SdkLossCount{reason, 0}), spans, now);
  }
  void grow(SdkLossRow& row, SdkLossCount& one, uint64_t spans, base::Timestamp now) {
    dropped[one.reason] += spans - one.spans;
    row.spans += spans - one.spans;
    one.spans = spans;
    row.last = now;
  }

  const size_t instances_max_;
  std::vector<SdkLossRow> heard_;
};

TEST_F(SdkLossesTest, random_sequences_give_what_a_naive_list_gives) {
  const std::string reasons[] = {"queue_full", "rejected", "no_memory"};
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    base::Random random(seed);
    base::Metrics own;
    constexpr size_t kInstancesMax = 6;
    SdkLosses fast(clock, own, {.instances_max = kInstancesMax});
    NaiveLosses naive(kInstancesMax);
    for (int i = 0; i < 200; ++i) {
      std::vector<Told> all(1 + random.below(3));
      for (Told& told : all) {
        told.service = random.chance(0.5) ? "cart" : "web";
        if (random.chance(0.9)) told.instance = std::to_string(random.below(5));
        for (const std::string& reason : reasons) {
          if (random.chance(0.5)) told.dropped.emplace_back(reason, static_cast<int64_t>(random.below(50)) - 5);
        }
        naive.tell(told, clock.now());
      }
      std::string request = request_of(all);
      wire::otlp::Walker walker({}, {});
      model::RequestDigest digest;
      ASSERT_TRUE(walker.walk(request, digest));
      fast.read(digest.resources, request);
      clock.advance(1s);
      ASSERT_EQ(fast.sdk_losses({}).value(), naive.rows());
    }
    for (const std::string& reason : reasons) {
      EXPECT_EQ(own.counter("backstitch_sdk_spans_dropped", "", {{"reason", reason}}).value(), naive.dropped[reason]);
    }
    EXPECT_EQ(own.counter("backstitch_sdk_loss_instances_forgotten", "").value(), naive.forgotten);
    EXPECT_GT(naive.forgotten, 0u);
  }
}

}  // namespace
}  // namespace backstitch::ingest
