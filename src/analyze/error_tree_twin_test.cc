// Random requests, written down as spans and as what each service would have sent: the trees must be equal. The twin
// goes down the requests by recursion and puts them together with wire/error_tree's compose(), as SDKs do.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <list>
#include <optional>

#include "analyze/error_tree.h"
#include "analyze/trace_testing.h"
#include "base/random.h"
#include "wire/error_tree/compose.h"
#include "wire/error_tree/json.h"

namespace backstitch::analyze {
namespace {

using model::ErrorCode;
using model::ErrorTree;
using wire::error_tree::compose;

class TwinTest {
 public:
  explicit TwinTest(uint64_t seed) : random_(seed), failing_(random_.unit() * 0.7) {}

  void run() {
    const std::optional<ErrorTree> expected = request({}, 0);
    model::Trace& trace = builder_.trace();
    for (size_t i = trace.spans.size(); i > 1; --i) std::swap(trace.spans[i - 1], trace.spans[random_.below(i)]);
    const auto found = failed_requests(trace);
    ASSERT_EQ(found.size(), expected ? 1u : 0u);
    if (!expected) return;
    EXPECT_EQ(comparable(found[0].tree), comparable(*expected));
    EXPECT_EQ(found[0].path, failing_path(found[0].tree));
  }

 private:
  // Span ids, durations and other codes too; spans tell more about operations than calls do.
  static std::string comparable(const ErrorTree& tree) {
    std::string text;
    for (size_t i = 0; i < tree.size(); ++i) {
      const model::ErrorNode node = tree.node(i);
      text += fmt::format("{}{} {} '{}' swallowed={} caller={} count={} {} ns span={} other={} truncated={}\n",
                          std::string(2 * node.depth, ' '), node.service, node.code.name(), node.error, node.swallowed,
                          node.observed == model::Observed::ByCaller, node.count, node.duration.count(),
                          node.span_id.to_hex(), node.other_code ? node.other_code->name() : "-", node.truncated.nodes);
    }
    return text;
  }

  // What a caller says of its own patience is joined in another way, and has its own tests.
  ErrorCode random_code() {
    constexpr int kCodes[] = {2, 5, 7, 13, 14};
    return random_.chance(failing_) ? ErrorCode::from_number(kCodes[random_.below(5)]) : ErrorCode();
  }
  std::string random_message() { return random_.chance(0.4) ? fmt::format("message {}", random_.below(100)) : ""; }

  SpanPlan plan(ErrorCode code, const std::string& message) {
    SpanPlan span{.start = ++now_, .message = code.is_ok() ? "" : message};
    span.attributes.push_back({"rpc.grpc.status_code", static_cast<int>(code.number())});
    if (!code.is_ok()) span.status = model::StatusCode::Error;
    return span;
  }
  void add(model::SpanId id, model::SpanId parent, SpanPlan span) {
    span.end = span.start + 50 + random_.below(10);
    builder_.add(id, parent, span);
  }

  // Maybe some internal spans between.
  model::SpanId below(model::SpanId parent, const std::string& service) {
    while (random_.chance(0.3)) {
      const model::SpanId id = next_id();
      add(id, parent, {.service = service, .kind = model::SpanKind::Internal, .start = ++now_});
      parent = id;
    }
    return parent;
  }
  model::SpanId next_id() { return id_of(++ids_); }

  // Adds the spans of a request; what its service would have answered with.
  std::optional<ErrorTree> request(model::SpanId parent, int depth) {
    const std::string service = fmt::format("s{}", ++services_);
    code_ = random_code();
    const ErrorCode code = code_;
    const std::string message = random_message();
    const SpanPlan own = plan(code, message);
    const model::SpanId id = next_id();
    SpanPlan span = own;
    span.service = service;
    add(id, parent, span);
    const std::chrono::nanoseconds duration = builder_.trace().spans.back().duration();

    std::vector<wire::error_tree::Attempt> attempts;
    std::list<ErrorTree> trees;  // that the attempts borrow
    std::list<std::string> texts;
    const uint64_t calls = depth > 6 || services_ > 60 ? 0 : random_.below(4);
    for (uint64_t call = 1; call <= calls; ++call) {
      const model::SpanId above = below(id, service);
      const uint64_t tries = random_.chance(0.2) ? 2 + random_.below(2) : 1;
      for (uint64_t attempt = 0; attempt < tries; ++attempt) {
        const bool is_bare = tries == 1 && random_.chance(0.2);  // no client span
        attempts.push_back({.call = call});
        wire::error_tree::Attempt& made = attempts.back();
        made.start = std::chrono::nanoseconds(now_ + 1);
        model::SpanId below_call = above;
        if (!is_bare) {
          made.code = random_code();
          made.message = texts.emplace_back(random_message());
          made.address = texts.emplace_back(fmt::format("peer{}", call));
          SpanPlan client = plan(made.code, std::string(made.message));
          client.service = service;
          client.name = fmt::format("call {}", call);
          client.kind = model::SpanKind::Client;
          client.attributes.push_back({"peer.service", std::string(made.address)});
          if (attempt > 0) client.attributes.push_back({"http.request.resend_count", static_cast<int>(attempt)});
          made.span_id = next_id();
          add(made.span_id, above, client);
          made.duration = builder_.trace().spans.back().duration();
          below_call = below(made.span_id, service);
        }
        if (!is_bare && random_.chance(0.3)) continue;  // nobody answered
        auto tree = request(below_call, depth + 1);
        if (is_bare) made.code = code_;
        if (!tree) tree = clean_;
        made.tree = &trees.emplace_back(std::move(*tree));
      }
    }
    code_ = code;
    clean_.clear();
    clean_.add({.service = service, .duration = duration, .span_id = id});
    return compose({.service = service, .code = code, .message = message, .span_id = id, .duration = duration},
                   attempts);
  }

  base::Random random_;
  const double failing_;
  TraceBuilder builder_;
  uint64_t now_ = 1000;
  uint64_t ids_ = 0;
  int services_ = 0;
  ErrorCode code_;   // of the last request
  ErrorTree clean_;  // what it would answer with if it sent a tree all the same
};

TEST(ErrorTreeTwin, trees_from_spans_equal_those_that_services_send) {
  for (uint64_t seed = 1; seed <= 3000; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    TwinTest(seed).run();
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace backstitch::analyze
