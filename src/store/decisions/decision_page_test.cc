#include "store/decisions/decision_page.h"

#include <algorithm>
#include <gtest/gtest.h>

#include "store/conformance/decision_suite.h"
#include "store/decisions/decisions_format.h"

namespace backstitch::store::decisions {
namespace {

using base::Errc;
using conformance::decision_id;
using conformance::dropped;
using conformance::kept;
using model::TraceId;

using Records = std::vector<DecisionRecord>;

std::string encoded(const Records& records) {
  std::string bytes;
  encode_page(records, bytes);
  return bytes;
}

TraceId id_of(uint64_t high, uint64_t low) {
  TraceId id = decision_id(low);
  const TraceId other = decision_id(high);
  std::copy_n(other.bytes.begin() + 8, 8, id.bytes.begin());
  return id;
}

Records with_ids(std::vector<TraceId> ids) {
  Records records;
  std::ranges::sort(ids);
  for (const TraceId& id : ids) {
    records.push_back({dropped(records.size())});
    records.back().decision.id = id;
  }
  return records;
}

void expect_back(const Records& records) {
  const std::string bytes = encoded(records);
  const auto back = decode_page(bytes, records[0].decision.id);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, records);
  for (const DecisionRecord& record : records) {
    Records found;
    ASSERT_TRUE(find_in_page(bytes, records[0].decision.id, record.decision.id, found));
    Records wanted;
    std::ranges::copy_if(records, std::back_inserter(wanted),
                         [&](const DecisionRecord& other) { return other.decision.id == record.decision.id; });
    ASSERT_EQ(found, wanted);
  }
}

TEST(DecisionPageTest, one_record_comes_back) { expect_back({{kept(7)}}); }

TEST(DecisionPageTest, late_spans_come_back_beside_decisions_and_alone) {
  const DecisionRecord late{{.id = decision_id(3), .late_span_count = 9}, true};
  expect_back({late});
  expect_back({{dropped(2)}, late, {kept(3)}, {kept(3)}, {dropped(4)}});
}

TEST(DecisionPageTest, ids_far_apart_near_each_other_and_equal_come_back) {
  const uint64_t most = UINT64_MAX;
  expect_back(with_ids({id_of(0, 0), id_of(most, most)}));
  expect_back(with_ids({id_of(0, 0), id_of(0, 1), id_of(most, most), id_of(most, most - 1), id_of(1, 0)}));
  expect_back(with_ids(std::vector(kPageRecordsMax, id_of(5, 5))));
  std::vector<TraceId> near;
  for (uint64_t i = 0; i < kPageRecordsMax; ++i) near.push_back(id_of(7, most - 500 + i));
  expect_back(with_ids(near));
  std::vector<TraceId> one_far(kPageRecordsMax - 1, id_of(0, 9));
  one_far.push_back(id_of(most, 1));
  expect_back(with_ids(one_far));
  std::vector<TraceId> one_near(kPageRecordsMax - 1, id_of(most, most));
  one_near.push_back(id_of(0, 0));
  expect_back(with_ids(one_near));
}

TEST(DecisionPageTest, any_records_come_back) {
  const uint64_t seed = conformance::decision_seed();
  SCOPED_TRACE("BACKSTITCH_TEST_SEED=" + std::to_string(seed));
  base::Random random(seed);
  for (int round = 0; round < 300; ++round) {
    Records records;
    const uint64_t ids = random.below(300) + 1;
    for (size_t i = random.below(300) + 1; i > 0; --i) {
      DecisionRecord record{conformance::random_decision(random, ids)};
      if (random.chance(0.1)) {
        record = {{.id = record.decision.id, .late_span_count = static_cast<uint32_t>(random.below(99))}, true};
      }
      // Near each other at times: a common prefix of any length.
      if (round % 3 == 0) std::fill_n(record.decision.id.bytes.begin(), random.below(14), 0xab);
      records.push_back(record);
    }
    std::ranges::stable_sort(records, {}, [](const DecisionRecord& record) { return record.decision.id; });
    expect_back(records);
    if (HasFatalFailure()) FAIL() << "round " << round;
  }
}

TEST(DecisionPageTest, an_id_that_is_not_there_is_not_found) {
  const Records records = with_ids({id_of(1, 5), id_of(1, 9), id_of(3, 0)});
  const std::string bytes = encoded(records);
  for (const TraceId& id : {id_of(0, 9), id_of(1, 6), id_of(2, 0), id_of(3, 1)}) {
    Records found;
    ASSERT_TRUE(find_in_page(bytes, records[0].decision.id, id, found));
    EXPECT_TRUE(found.empty());
  }
}

TEST(DecisionPageTest, every_changed_byte_and_every_truncation_is_noticed) {
  const Records records = with_ids({id_of(1, 5), id_of(1, 9), id_of(3, 0)});
  const std::string whole = encoded(records);
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x10);
    EXPECT_EQ(decode_page(bytes, records[0].decision.id).error().code, Errc::Corrupt) << at;
    EXPECT_EQ(decode_page(whole.substr(0, at), records[0].decision.id).error().code, Errc::Corrupt) << at;
    Records found;
    EXPECT_FALSE(find_in_page(bytes, records[0].decision.id, records[1].decision.id, found)) << at;
  }
}

TEST(DecisionPageTest, usual_decisions_take_little_beside_their_ids) {
  base::Random random(1);
  Records records;
  std::vector<TraceId> ids;
  for (int i = 0; i < 256; ++i) ids.push_back(id_of(random.next(), random.next()));
  const size_t bytes = encoded(with_ids(ids)).size();
  EXPECT_LT(bytes, 256 * (120 / 8 + 2) + 60);
}

}  // namespace
}  // namespace backstitch::store::decisions
