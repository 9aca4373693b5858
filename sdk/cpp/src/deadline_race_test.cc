// One call whose callee ends (E), whose caller gives up (G) and whose answer arrives (A), in every order in which that
// can happen, each with the tree that the caller tells and what the callee reports out of band
// (docs/spec/error-tree.md, "Two verdicts on one call").
#include <gtest/gtest.h>
#include <thread>

#include "src/middleware_testing.h"

namespace backstitch::sdk {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

// Root has 1 s, 950 ms for its work. It calls after 100 us, and says 949 ms: the callee's budget ends 900 us before the
// caller gives up.
constexpr nanoseconds kRootLimit = seconds(1);
constexpr nanoseconds kCalledAt = microseconds(100);
constexpr nanoseconds kBudgetEnd = microseconds(949'100);
constexpr nanoseconds kGivesUpAt = milliseconds(950);

enum class Child { Callees, Leaf };

struct Case {
  const char* order;
  nanoseconds callee_ends_at;
  Child child;
  bool reports;
};
constexpr nanoseconds kInTime = milliseconds(400), kJustLate = microseconds(949'500), kLate = milliseconds(960);
constexpr Case kCases[] = {
    {"EA", kInTime, Child::Callees, false},  // the answer arrives
    {"EAG", kInTime, Child::Callees, false},
    {"EG", kInTime, Child::Leaf, false},   // it is lost
    {"EGA", kInTime, Child::Leaf, false},  // it is late
    {"E", kInTime, Child::Leaf, false},    // it is lost, and the caller answers when its time is over
    {"EA", kJustLate, Child::Callees, true},
    {"EAG", kJustLate, Child::Callees, true},
    {"EG", kJustLate, Child::Leaf, true},
    {"EGA", kJustLate, Child::Leaf, true},
    {"E", kJustLate, Child::Leaf, true},
    {"GE", kLate, Child::Leaf, true},
    {"GEA", kLate, Child::Leaf, true},
    {"G", {}, Child::Leaf, false},  // the callee is killed
    {"", {}, Child::Leaf, false},
};

const std::string kCalleesNode =
    R"({"service":"service-b","status":"error","code":"aborted","error":"an error occurred in service service-b"})";
const std::string kCalleesSuccess = R"({"service":"service-b","status":"ok","code":"ok"})";
const std::string kLeafNode = R"({"service":"service-b","status":"error","code":"deadline-exceeded",)"
                              R"("error":"an error occurred in service service-b","observed":"caller"})";

std::string root_above(const std::string& code, const std::string& child) {
  return R"({"service":"root","status":"error","code":")" + code +
         R"(","error":"an upstream dependency failed in service root","children":[)" + child + "]}";
}

class Race {
 public:
  Race(bool is_sampled, ErrorCode outcome)
      : root_("root", with_clock(), sampled_at(is_sampled ? always_on() : always_off())),
        callee_("service-b", with_clock()),
        outcome_(outcome),
        request_(root_.serve({}, {false, true, kRootLimit}, "GET /")) {
    clock_.advance(kCalledAt);
    call_ = root_.call("b", request_.context());
    Headers headers;
    EXPECT_TRUE(call_.start_attempt(HeadersWriter(headers)));
    EXPECT_EQ(value_of(headers, "x-deadline-ms"), "949");
    served_ = callee_.serve(headers, {true}, "GET /b");
  }

  void play(const Case& one) {
    for (const char* step = one.order; *step != '\0'; ++step) {
      if (*step == 'E') callee_ends(one.callee_ends_at);
      if (*step == 'G') {
        go_to(kGivesUpAt);
        EXPECT_EQ(call_.time_left(), nanoseconds(0));
        EXPECT_EQ(call_.failed(ErrorCode::DeadlineExceeded), !is_decided_);
        is_decided_ = true;
      }
      if (*step == 'A') {
        EXPECT_EQ(call_.answered(outcome_, fields(answer_)), !is_decided_);
        is_decided_ = true;
      }
    }
  }
  // The tree that root answers with.
  std::string answer(Child child) {
    const bool is_callees = child == Child::Callees;
    if (!is_decided_) go_to(kGivesUpAt);
    const ErrorTreeHeader header = request_.finish(is_callees ? outcome_ : ErrorCode(ErrorCode::DeadlineExceeded));
    request_.end(true);
    call_ = OutboundCall();
    return header.value;
  }
  Service& root() { return root_; }
  Service& callee() { return callee_; }

 private:
  MiddlewareOptions with_clock() const {
    MiddlewareOptions options;
    options.clock = clock_.reader();
    return options;
  }
  // Time since the request came.
  void go_to(nanoseconds time) {
    if (time > since_) clock_.advance(time - since_);
    since_ = std::max(since_, time);
  }
  void callee_ends(nanoseconds at) {
    go_to(at);
    {
      const Scope scope(served_.context());
      EXPECT_EQ(*work_deadline() - clock_.reader()(), kBudgetEnd - nanoseconds(milliseconds(949)) / 20 - since_);
      state_committed(true);
    }
    answer_ = answer_of(served_.finish(outcome_));
    served_.end(true);
  }

  FakeClock clock_;
  Service root_, callee_;
  const ErrorCode outcome_;
  InboundRequest request_;
  OutboundCall call_;
  InboundRequest served_;
  Headers answer_;
  nanoseconds since_ = kCalledAt;
  bool is_decided_ = false;
};

std::string expected_tree(const Case& one, bool fails) {
  if (one.child == Child::Leaf) return root_above("deadline-exceeded", kLeafNode);
  return fails ? root_above("aborted", kCalleesNode) : "";
}

// What the callee exported: in any case where it is sampled.
void expect_report(Race& race, const Case& one, bool fails, bool is_sampled, SpanId client) {
  const model::SpanSet set = race.callee().traced.spans();
  const bool has_ended = std::string_view(one.order).find('E') != std::string_view::npos;
  ASSERT_EQ(set.spans.size(), has_ended && (is_sampled || one.reports) ? 1u : 0u);
  if (set.spans.empty()) return;
  const model::Span& span = set.spans[0];
  EXPECT_EQ(span.parent_span_id.bytes, client.bytes) << "the server joins both sides by it";
  const SeenEvent event = event_of(span);
  EXPECT_EQ(event.tree, !one.reports ? "(absent)" : fails ? kCalleesNode : kCalleesSuccess);
  if (!one.reports) return;
  EXPECT_EQ(event.lateness_ns, (one.callee_ends_at - kBudgetEnd).count());
  EXPECT_EQ(event.is_committed, true);
  EXPECT_EQ(find(span.attributes, "backstitch.unsampled") != nullptr, !is_sampled);
}

// The client span, as the leaf in root's event names it.
SpanId leaf_span(const model::Span& root) {
  for (const model::Event& event : root.events) {
    const auto* const bytes = find(event.attributes, "tree");
    if (bytes == nullptr) continue;
    return {wire::error_tree::decode_binary(bytes->as<model::Bytes>()->data).value().tree.node(1).span_id.bytes};
  }
  return {};
}

// The call's client span: as exported where it is sampled, else as the leaf names it.
SpanId expect_leaf_names_call(Service& root, const Case& one, bool is_sampled) {
  SpanId client, named;
  const model::SpanSet set = root.traced.spans();
  for (const model::Span& span : set.spans) {
    if (span.kind == model::SpanKind::Client) client.bytes = span.span_id.bytes;
    if (span.kind == model::SpanKind::Server) named = leaf_span(span);
  }
  if (one.child != Child::Leaf) return client;
  EXPECT_TRUE(named.is_valid());
  EXPECT_EQ(named, is_sampled ? client : named);
  return named;
}

TEST(DeadlineRaceTest, every_order_of_events_has_its_trees) {
  for (const Case& one : kCases) {
    for (const bool fails : {true, false}) {
      for (const bool is_sampled : {true, false}) {
        SCOPED_TRACE(std::string(one.order) + (fails ? " fails" : " succeeds") + (is_sampled ? " sampled" : ""));
        Race race(is_sampled, fails ? ErrorCode::Aborted : ErrorCode::Ok);
        race.play(one);
        EXPECT_EQ(race.answer(one.child), expected_tree(one, fails));
        const SpanId client = expect_leaf_names_call(race.root(), one, is_sampled);
        if (is_sampled || one.child == Child::Leaf) expect_report(race, one, fails, is_sampled, client);
      }
    }
  }
}

TEST(DeadlineRaceTest, of_an_answer_and_a_timer_in_two_threads_one_counts) {
  const Service root("root");
  for (int i = 0; i < 100; ++i) {
    InboundRequest request = root.serve({}, {false, true});
    OutboundCall call = root.call("b", request.context());
    Headers headers;
    (void)call.start_attempt(HeadersWriter(headers));
    std::atomic<int> ready{0};
    bool has_failed = false;
    std::thread timer([&, call]() mutable {
      for (++ready; ready < 2;) std::this_thread::yield();
      has_failed = call.failed(ErrorCode::DeadlineExceeded);
    });
    for (++ready; ready < 2;) std::this_thread::yield();
    const bool was_answered = call.answered(ErrorCode::Aborted, fields(Headers{{"x-error-tree", kCalleesNode}}));
    timer.join();
    ASSERT_NE(has_failed, was_answered);
    EXPECT_EQ(request.finish(ErrorCode::Aborted).value.find("deadline-exceeded") == std::string::npos, was_answered);
  }
}

TEST(DeadlineTest, without_time_a_call_is_not_made) {
  FakeClock clock;
  MiddlewareOptions options;
  options.clock = clock.reader();
  const Service root("root", options);
  InboundRequest request = root.serve({{"x-deadline-ms", "100"}});
  clock.advance(microseconds(94'500));  // 95 ms are for its work; half a millisecond cannot be said
  OutboundCall trusted = root.call("b", request.context()), other = root.call("bank", request.context());
  Headers headers;
  EXPECT_FALSE(trusted.start_attempt(HeadersWriter(headers)));
  EXPECT_TRUE(other.start_attempt(HeadersWriter(headers)));
  EXPECT_EQ(other.time_left(), nanoseconds(microseconds(500)));
  EXPECT_TRUE(headers.empty());
  other.failed(ErrorCode::Unavailable);
  EXPECT_EQ(
      request.finish(ErrorCode::DeadlineExceeded).value,
      root_above("deadline-exceeded", kLeafNode + R"(,{"service":"bank:80","status":"error","code":"unavailable",)"
                                                  R"("error":"an error occurred in service bank:80",)"
                                                  R"("observed":"caller"})"));
}

TEST(DeadlineTest, the_first_valid_deadline_of_a_trusted_caller_counts) {
  FakeClock clock;
  MiddlewareOptions options;
  options.clock = clock.reader();
  const Service root("root", options);
  const auto budget = [&](const Headers& headers, Listener listener) -> nanoseconds {
    const InboundRequest request = root.serve(headers, listener);
    const auto until = work_deadline(request.context());
    return until ? *until - clock.reader()() : nanoseconds(-1);
  };
  EXPECT_EQ(budget({{"X-Deadline-Ms", "200"}, {"context-ttl-ms", "100"}}, {true}), milliseconds(190));
  EXPECT_EQ(budget({{"x-deadline-ms", "x"}, {"x-deadline-ms", "200"}}, {true}), milliseconds(190));
  EXPECT_EQ(budget({{"x-deadline-ms", "-1"}, {"context-ttl-ms", "100"}}, {true}), milliseconds(95));
  EXPECT_EQ(root.count("deadline_refused"), 2u);
  EXPECT_EQ(budget({{"x-deadline-ms", "0"}}, {true}), nanoseconds(0));
  EXPECT_EQ(budget({{"x-deadline-ms", "999999999"}}, {true, false, seconds(1)}), milliseconds(950));
  EXPECT_EQ(budget({{"x-deadline-ms", "100"}}, {false, false, seconds(1)}), milliseconds(950));
  EXPECT_EQ(budget({}, {true}), nanoseconds(-1)) << "none";
  EXPECT_EQ(budget({}, {true, false, nanoseconds::max()}), nanoseconds(-1));
  EXPECT_EQ(budget({}, {true, false, nanoseconds::min()}), nanoseconds(0));
}

TEST(DeadlineTest, an_answer_that_cannot_be_delivered_is_reported) {
  Service callee("service-b");
  InboundRequest request = callee.serve(
      {{"traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"}, {"x-deadline-ms", "60000"}});
  (void)request.finish(ErrorCode::Ok);
  request.end(/*is_delivered=*/false);
  const SeenEvent event = event_of(callee.traced.spans().spans.at(0));
  EXPECT_EQ(event.tree, kCalleesSuccess);
  EXPECT_LT(event.lateness_ns.value_or(0), 0) << "its budget had not ended";
  EXPECT_EQ(event.is_committed, std::nullopt) << "nobody said";
}

}  // namespace
}  // namespace backstitch::sdk
