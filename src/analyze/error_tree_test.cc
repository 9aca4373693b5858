#include "analyze/error_tree.h"

#include <gtest/gtest.h>

#include "analyze/trace_testing.h"

namespace backstitch::analyze {
namespace {

using model::ErrorCode;
using model::SpanKind;
using model::StatusCode;

constexpr StatusCode kError = StatusCode::Error;
constexpr SpanKind kServer = SpanKind::Server;
constexpr SpanKind kClient = SpanKind::Client;
constexpr SpanKind kInternal = SpanKind::Internal;

model::Attributes http(int status) { return {{"http.response.status_code", status}}; }
model::Attributes grpc(int code) { return {{"rpc.grpc.status_code", code}}; }

// "a not-found: text" a line, two spaces a level, then what is not default.
std::string picture(const FailedRequest& request) {
  std::string out;
  for (size_t i = 0; i < request.tree.size(); ++i) {
    const model::ErrorNode node = request.tree.node(i);
    out += std::string(2 * node.depth, ' ') + std::string(node.service) + " " + std::string(node.code.name());
    if (!node.error.empty()) out += ": " + std::string(node.error);
    if (node.swallowed) out += " (swallowed)";
    if (node.observed == model::Observed::ByCaller) out += " (caller)";
    if (node.count != 1) out += " (x" + std::to_string(node.count) + ")";
    if (node.other_code) out += " (other " + std::string(node.other_code->name()) + ")";
    if (node.truncated.nodes != 0) out += " (-" + std::to_string(node.truncated.nodes) + ")";
    out += "\n";
  }
  return out;
}

std::string only(const model::Trace& trace, std::span<const model::ReportedErrorTree> reported = {}) {
  const auto requests = failed_requests(trace, reported);
  return requests.size() == 1 ? picture(requests[0]) : std::to_string(requests.size()) + " requests";
}

TEST(ErrorTree, drift_is_named_from_spans_alone) {
  TraceBuilder trace;
  trace.add({.id = 1, .service = "root", .status = kError, .attributes = http(404)});
  trace.add({.id = 2, .parent = 1, .service = "root", .kind = kClient, .status = kError, .attributes = http(404)});
  trace.add({.id = 3, .parent = 2, .service = "service-b", .status = kError, .attributes = http(404)});
  trace.add({.id = 4, .parent = 3, .service = "service-b", .kind = kClient, .status = kError, .attributes = http(403)});
  trace.add({.id = 5, .parent = 4, .service = "service-e", .status = kError, .attributes = http(403)});
  const auto requests = failed_requests(trace.trace());
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(picture(requests[0]),
            "root not-found: an upstream dependency failed in service service-b\n"
            "  service-b not-found: [DRIFT: permission-denied -> not-found] an upstream dependency failed in service "
            "service-b\n"
            "    service-e permission-denied: an error occurred in service service-e\n");
  EXPECT_EQ(requests[0].path, (std::vector<size_t>{0, 1, 2}));
  EXPECT_EQ(requests[0].drift_chain(), "permission-denied -> not-found");
}

TEST(ErrorTree, answer_that_hides_a_failure_is_swallowed) {
  TraceBuilder trace;
  trace.add({.id = 1, .service = "shop", .attributes = http(200)});
  trace.add({.id = 2, .parent = 1, .service = "shop", .kind = kClient, .status = kError, .attributes = http(500)});
  trace.add({.id = 3, .parent = 2, .service = "ads", .status = kError, .message = "no ads", .attributes = http(500)});
  const auto requests = failed_requests(trace.trace());
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(picture(requests[0]), "shop ok (swallowed)\n  ads internal: no ads\n");
  EXPECT_EQ(requests[0].drift_chain(), "internal -> ok");
}

TEST(ErrorTree, healthy_trace_has_none_and_neither_has_an_answer_of_404) {
  TraceBuilder trace;
  trace.add({.id = 1, .attributes = http(404)});
  trace.add({.id = 2, .parent = 1, .kind = kInternal});
  EXPECT_EQ(only(trace.trace()), "0 requests");
  EXPECT_TRUE(failed_requests(model::Trace()).empty());
}

TEST(ErrorTree, successful_siblings_stay_as_context_of_a_failure) {
  TraceBuilder trace;
  trace.add({.id = 1, .status = kError});
  trace.add({.id = 2, .parent = 1, .service = "b", .start = 1100});
  trace.add({.id = 3, .parent = 1, .service = "c", .start = 1050, .status = kError});
  trace.add({.id = 4, .parent = 2, .service = "below-b", .start = 1200});
  EXPECT_EQ(only(trace.trace()),
            "a unknown: an upstream dependency failed in service a\n"
            "  c unknown: an error occurred in service c\n"
            "  b ok\n");
}

TEST(ErrorTree, call_that_nobody_answered_is_a_leaf_that_the_caller_saw) {
  TraceBuilder trace;
  trace.add({.id = 1, .status = kError, .attributes = http(503)});
  trace.add(
      {.id = 2,
       .parent = 1,
       .name = "SELECT",
       .kind = kClient,
       .status = kError,
       .attributes = {{"error.type", "ConnectionRefusedError"}, {"server.address", "db"}, {"server.port", 5432}}});
  EXPECT_EQ(only(trace.trace()),
            "a unavailable: an upstream dependency failed in service a\n"
            "  db:5432 unavailable: an error occurred in service db:5432 (caller)\n");
  const auto tree = failed_requests(trace.trace())[0].tree;
  EXPECT_EQ(tree.node(1).operation, "SELECT");
  EXPECT_EQ(tree.node(1).span_id, id_of(2));
}

TEST(ErrorTree, caller_that_gave_up_and_callee_that_finished_are_a_split_brain) {
  TraceBuilder trace;
  trace.add({.id = 1, .end = 5000, .status = kError, .attributes = grpc(4)});
  trace.add({.id = 2, .parent = 1, .kind = kClient, .end = 4000, .status = kError, .attributes = grpc(4)});
  trace.add({.id = 3, .parent = 2, .service = "pay", .end = 7000, .attributes = grpc(0)});
  const auto requests = failed_requests(trace.trace());
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(picture(requests[0]),
            "a deadline-exceeded: an upstream dependency failed in service a\n"
            "  pay deadline-exceeded: an error occurred in service pay (caller) (other ok)\n");
  EXPECT_EQ(requests[0].split_brains,
            (std::vector<SplitBrain>{{.node = 1, .late_by = std::chrono::nanoseconds(3000), .committed = {}}}));
}

TEST(ErrorTree, callee_that_failed_late_keeps_its_children_below_the_callers_word) {
  TraceBuilder trace;
  trace.add({.id = 1, .status = kError, .attributes = grpc(4)});
  trace.add({.id = 2, .parent = 1, .kind = kClient, .status = kError, .attributes = grpc(4)});
  trace.add({.id = 3, .parent = 2, .service = "pay", .status = kError, .attributes = grpc(13)});
  trace.add({.id = 4, .parent = 3, .service = "bank", .status = kError, .attributes = grpc(14)});
  const auto requests = failed_requests(trace.trace());
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(picture(requests[0]),
            "a deadline-exceeded: an upstream dependency failed in service pay\n"
            "  pay deadline-exceeded: an error occurred in service pay (caller) (other internal)\n"
            "    bank unavailable: an error occurred in service bank\n");
  EXPECT_TRUE(requests[0].split_brains.empty());
}

TEST(ErrorTree, late_report_says_how_late_and_whether_it_committed) {
  TraceBuilder trace;
  trace.add({.id = 1, .status = kError, .attributes = grpc(4)});
  trace.add({.id = 2, .parent = 1, .kind = kClient, .status = kError, .attributes = grpc(4)});
  trace.add({.id = 3, .parent = 2, .service = "pay"});
  model::ReportedErrorTree late{.span = 2, .lateness = std::chrono::milliseconds(40), .committed = true};
  late.tree.add({.service = "pay"});
  const auto requests = failed_requests(trace.trace(), {&late, 1});
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].split_brains,
            (std::vector<SplitBrain>{{.node = 1, .late_by = std::chrono::milliseconds(40), .committed = true}}));
}

TEST(ErrorTree, report_counts_more_than_spans_and_tells_what_they_lack) {
  TraceBuilder trace;
  trace.add({.id = 1, .service = "edge", .status = kError, .attributes = {{"backstitch.unsampled", true}}});
  model::ReportedErrorTree report{.span = 0};
  report.tree.add({.service = "edge", .code = ErrorCode::from_name("internal"), .error = "broken"});
  report.tree.add({.service = "cart", .code = ErrorCode::from_name("cart.full"), .error = "full", .depth = 1});
  const auto requests = failed_requests(trace.trace(), {&report, 1});
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(picture(requests[0]), "edge internal: broken\n  cart cart.full: full\n");
  EXPECT_TRUE(requests[0].is_unsampled);
  EXPECT_EQ(requests[0].drift_chain(), "cart.full -> internal");
}

TEST(ErrorTree, callee_joins_the_reported_leaf_that_names_its_client_span) {
  TraceBuilder trace;
  trace.add({.id = 1, .service = "edge", .status = kError});
  trace.add({.id = 3, .parent = 2, .service = "pay"});  // the client span 2 was not exported
  model::ReportedErrorTree reports[2] = {{.span = 0}, {.span = 1, .lateness = std::chrono::seconds(2)}};
  reports[0].tree.add({.service = "edge", .code = ErrorCode::from_name("deadline-exceeded"), .error = "late"});
  reports[0].tree.add({.service = "pay",
                       .code = ErrorCode::from_name("deadline-exceeded"),
                       .error = "gave up",
                       .depth = 1,
                       .observed = model::Observed::ByCaller,
                       .span_id = id_of(2)});
  reports[1].tree.add({.service = "pay"});
  const auto requests = failed_requests(trace.trace(), reports);
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(picture(requests[0]),
            "edge deadline-exceeded: late\n  pay deadline-exceeded: gave up (caller) (other ok)\n");
  EXPECT_EQ(requests[0].split_brains,
            (std::vector<SplitBrain>{{.node = 1, .late_by = std::chrono::seconds(2), .committed = {}}}));
}

TEST(ErrorTree, swallowed_failure_that_only_a_report_knows_is_found) {
  TraceBuilder trace;
  trace.add({.id = 1, .service = "edge"});
  model::ReportedErrorTree report{.span = 0};
  report.tree.add({.service = "edge", .swallowed = true});
  report.tree.add({.service = "ads", .code = ErrorCode::from_name("internal"), .error = "x", .depth = 1});
  EXPECT_EQ(only(trace.trace(), {&report, 1}), "edge ok (swallowed)\n  ads internal: x\n");
}

TEST(ErrorTree, resent_requests_are_attempts_of_one_call) {
  TraceBuilder trace;
  trace.add({.id = 1, .attributes = http(200)});
  trace.add(
      {.id = 2, .parent = 1, .name = "GET", .kind = kClient, .start = 1100, .status = kError, .attributes = http(503)});
  auto again = http(503);
  again.push_back({"http.request.resend_count", 1});
  trace.add(
      {.id = 3, .parent = 1, .name = "GET", .kind = kClient, .start = 1200, .status = kError, .attributes = again});
  trace.add({.id = 4, .parent = 3, .service = "b", .status = kError, .attributes = http(503)});
  EXPECT_EQ(only(trace.trace()), "a ok (swallowed)\n  b unavailable: an error occurred in service b (x2)\n");
}

TEST(ErrorTree, consumer_that_fails_is_not_swallowed_by_who_sent_the_message) {
  TraceBuilder trace;
  trace.add({.id = 1});
  trace.add({.id = 2, .parent = 1, .kind = SpanKind::Producer, .attributes = {{"messaging.system", "kafka"}}});
  trace.add({.id = 3, .parent = 2, .service = "mailer", .kind = SpanKind::Consumer, .status = kError, .message = "x"});
  EXPECT_EQ(only(trace.trace()), "a ok\n  kafka ok\n  mailer unknown: x\n");
}

TEST(ErrorTree, message_of_an_internal_span_stands_in_where_the_answer_has_none) {
  TraceBuilder trace;
  trace.add({.id = 1, .status = kError, .attributes = http(500)});
  model::Span& inner = trace.add({.id = 2, .parent = 1, .kind = kInternal, .status = kError});
  inner.events.push_back({.name = "exception", .attributes = {{"exception.message", "division by zero"}}});
  EXPECT_EQ(only(trace.trace()), "a internal: division by zero\n");
}

TEST(ErrorTree, cycle_of_parents_is_one_tree) {
  TraceBuilder trace;
  trace.add({.id = 1, .parent = 3, .service = "a", .start = 1, .status = kError});
  trace.add({.id = 2, .parent = 1, .service = "b", .start = 2, .status = kError});
  trace.add({.id = 3, .parent = 2, .service = "c", .start = 3, .status = kError, .message = "x"});
  EXPECT_EQ(only(trace.trace()),
            "a unknown: an upstream dependency failed in service b\n"
            "  b unknown: an upstream dependency failed in service b\n"
            "    c unknown: x\n");
  TraceBuilder itself;
  itself.add({.id = 1, .parent = 1, .status = kError});
  EXPECT_EQ(only(itself.trace()), "a unknown: an error occurred in service a\n");
}

TEST(ErrorTree, spans_that_share_an_id_are_one_call) {
  TraceBuilder trace;
  trace.add({.id = 1, .status = kError});
  trace.add({.id = 2, .parent = 1, .service = "b", .kind = kServer, .start = 900, .status = kError});
  trace.add({.id = 2, .parent = 1, .kind = kClient, .status = kError});
  EXPECT_EQ(only(trace.trace()),
            "a unknown: an upstream dependency failed in service a\n"
            "  b unknown: an error occurred in service b\n");
}

TEST(ErrorTree, roots_of_a_broken_trace_have_a_tree_each) {
  TraceBuilder trace;
  trace.add({.id = 1, .start = 10, .status = kError});
  trace.add({.id = 2, .parent = 9, .service = "b", .start = 5, .status = kError});
  const auto requests = failed_requests(trace.trace());
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[0].entry, 1u);
  EXPECT_EQ(requests[1].entry, 0u);
}

TEST(ErrorTree, seventy_thousand_levels_keep_origin_and_root) {
  TraceBuilder trace;
  constexpr uint64_t kDepth = 70'000;
  for (uint64_t i = 1; i <= kDepth; ++i) {
    trace.add(id_of(i), id_of(i - 1), {.service = i % 2 == 0 ? "a" : "b", .status = kError});
  }
  const auto requests = failed_requests(trace.trace(), {}, {.nodes_max = 100, .path_max = 50});
  ASSERT_EQ(requests.size(), 1u);
  const model::ErrorTree& tree = requests[0].tree;
  EXPECT_EQ(tree.size(), 50u);
  EXPECT_EQ(tree.node(0).span_id, id_of(1));
  EXPECT_EQ(tree.node(49).span_id, id_of(kDepth));
  EXPECT_EQ(tree.truncated(0), (model::Truncated{.messages = 0, .nodes = 0, .path = kDepth - 50}));
  EXPECT_EQ(requests[0].path.size(), 50u);
}

TEST(ErrorTree, bounds_take_cousins_and_count_them) {
  TraceBuilder trace;
  trace.add(id_of(1), {}, {.status = kError});
  for (uint64_t i = 2; i <= 300; ++i) {
    trace.add(id_of(i), id_of(1), {.service = "b", .start = i, .status = i > 100 ? kError : StatusCode::Unset});
  }
  const auto requests = failed_requests(trace.trace(), {}, {.nodes_max = 80, .path_max = 40});
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].tree.size(), 80u);
  EXPECT_EQ(requests[0].tree.truncated(0).nodes, 300u - 80);
  EXPECT_EQ(requests[0].path.size(), 2u);
}

TEST(ErrorTree, texts_are_cut_between_characters) {
  TraceBuilder trace;
  std::string euros;
  for (int i = 0; i < 500; ++i) euros += "€";
  trace.add({.id = 1, .name = euros, .status = kError, .message = euros + "\xff"});
  const auto tree = failed_requests(trace.trace())[0].tree;
  EXPECT_EQ(tree.node(0).operation, euros.substr(0, 126));
  EXPECT_EQ(tree.node(0).error, euros.substr(0, 1023));
}

}  // namespace
}  // namespace backstitch::analyze
