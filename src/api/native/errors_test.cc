#include "api/native/errors.h"

#include <algorithm>
#include <gtest/gtest.h>

namespace backstitch::api {
namespace {

using model::ErrorOriginRow;

std::vector<ErrorOriginRow> rows() {
  model::TraceId id;
  id.bytes[15] = 0xab;
  return {{.service = "bank \"1\"",
           .operation = "POST /charge",
           .code = "internal",
           .drift_chain = "internal -> ok",
           .count = 5'000'000'000,
           .roots = {{"app", 4'999'999'999}, {"web", 1}},
           .first = {1'700'000'040'000'000'000},
           .last = {1'700'003'640'000'000'000},
           .example = id}};
}

struct OneRow final : store::ErrorOriginReader {
  base::Result<std::vector<ErrorOriginRow>> error_origins(const model::ErrorOriginQuery& query) override {
    asked = query;
    return rows();
  }
  model::ErrorOriginQuery asked;
};

struct ErrorsApiTest : testing::Test {
  net::HttpResponse get(const std::string& target) {
    const size_t at = std::min(target.find('?'), target.size());
    const std::string query = at == target.size() ? "" : target.substr(at + 1);
    const net::HttpRequest request{
        .method = "GET", .path = target.substr(0, at), .query = net::parse_query(query), .headers = {}, .body = {}};
    return list_error_origins(engine, request);
  }

  base::FakeClock clock;
  base::Metrics metrics;
  OneRow ledger;
  query::Engine engine{{}, clock, metrics, &ledger};
};

TEST_F(ErrorsApiTest, what_is_written_is_what_the_client_reads) {
  const auto answer = get("/api/bs/v1/errors");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(read_error_origins(answer.body), rows());
}

TEST_F(ErrorsApiTest, parameters_reach_the_ledger) {
  const model::ErrorOriginQuery query{.start = {1'700'000'000'000'000'000}, .service = "a b", .limit = 7};
  EXPECT_EQ(get(error_origins_target(query) + "&end=1700000060000000000").status, 200);
  EXPECT_EQ(ledger.asked.start, query.start);
  EXPECT_EQ(ledger.asked.end.unix_nanos, 1'700'000'060'000'000'000u);
  EXPECT_EQ(ledger.asked.service, "a b");
  EXPECT_EQ(ledger.asked.limit, 7u);
  EXPECT_EQ(get("/api/bs/v1/errors?limit=0x").status, 400);
  EXPECT_EQ(get("/api/bs/v1/errors?start=yesterday").status, 400);
}

TEST_F(ErrorsApiTest, answer_of_something_else_is_malformed) {
  EXPECT_FALSE(read_error_origins("<html>"));
  EXPECT_FALSE(read_error_origins("{}"));
  EXPECT_FALSE(read_error_origins(R"({"errors":[{"service":"a"}]})"));
}

}  // namespace
}  // namespace backstitch::api
