#include "api/native/losses.h"

#include <algorithm>
#include <gtest/gtest.h>

namespace backstitch::api {
namespace {

using model::SdkLossRow;

std::vector<SdkLossRow> rows() {
  return {{.service = "bank \"1\"",
           .instance = "6f1c",
           .spans = 5'000'000'001,
           .reasons = {{"queue_full", 5'000'000'000}, {"no_memory", 1}},
           .first = {1'700'000'040'000'000'001},
           .last = {1'700'003'640'000'000'002}},
          {.service = "ads",
           .instance = "",
           .spans = UINT64_MAX,
           .reasons = {{"rejected", UINT64_MAX}},
           .first = {1},
           .last = {2}}};
}

struct TwoRows final : store::SdkLossReader {
  base::Result<std::vector<SdkLossRow>> sdk_losses(const model::SdkLossQuery& query) override {
    asked = query;
    return rows();
  }
  model::SdkLossQuery asked;
};

struct LossesApiTest : testing::Test {
  net::HttpResponse get(const std::string& target) { return get(target, engine); }
  static net::HttpResponse get(const std::string& target, query::Engine& asked) {
    const size_t at = std::min(target.find('?'), target.size());
    const std::string query = at == target.size() ? "" : target.substr(at + 1);
    const net::HttpRequest request{
        .method = "GET", .path = target.substr(0, at), .query = net::parse_query(query), .headers = {}, .body = {}};
    return list_sdk_losses(asked, request);
  }

  base::FakeClock clock;
  base::Metrics metrics;
  TwoRows losses;
  query::Engine engine{{}, clock, metrics, nullptr, &losses};
};

TEST_F(LossesApiTest, what_is_written_is_what_the_client_reads) {
  const auto answer = get("/api/bs/v1/sdk/losses");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(read_sdk_losses(answer.body), rows());
}

TEST_F(LossesApiTest, answer_reads_as_documented) {
  const auto answer = get("/api/bs/v1/sdk/losses");
  EXPECT_TRUE(
      answer.body.starts_with(R"({"losses":[{"service":"bank \"1\"","instance":"6f1c","spans":5000000001,"reasons":)"
                              R"([{"reason":"queue_full","spans":5000000000},{"reason":"no_memory","spans":1}],)"
                              R"("firstTimeUnixNano":"1700000040000000001","lastTimeUnixNano":"1700003640000000002"})"))
      << answer.body;
}

TEST_F(LossesApiTest, parameters_reach_the_reader) {
  EXPECT_EQ(get(sdk_losses_target({.service = "a b", .limit = 7})).status, 200);
  EXPECT_EQ(losses.asked.service, "a b");
  EXPECT_EQ(losses.asked.limit, 7u);
  EXPECT_EQ(get("/api/bs/v1/sdk/losses?limit=0x").status, 400);
}

TEST_F(LossesApiTest, where_nobody_listens_it_is_unsupported) {
  query::Engine deaf{{}, clock, metrics};
  EXPECT_EQ(deaf.sdk_losses({}).error().code, base::Errc::Unsupported);
  EXPECT_GE(get("/api/bs/v1/sdk/losses", deaf).status, 400);
}

TEST_F(LossesApiTest, answer_of_something_else_is_malformed) {
  EXPECT_FALSE(read_sdk_losses("<html>"));
  EXPECT_FALSE(read_sdk_losses("{}"));
  EXPECT_EQ(read_sdk_losses(R"({"losses":[3]})")->size(), 1u);
}

}  // namespace
}  // namespace backstitch::api
