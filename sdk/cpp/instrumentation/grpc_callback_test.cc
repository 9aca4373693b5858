// The callback API's unary methods and calls, over real servers and channels.
#include "backstitch/instrumentation/grpc_callback.h"

#include <functional>
#include <future>
#include <gtest/gtest.h>
#include <stdexcept>
#include <thread>

#include "instrumentation/grpc_testing.h"

namespace backstitch::sdk {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Method answering_later(grpc::StatusCode code, std::string message = "") {
  return unary_callback([=](const Middleware&, grpc::CallbackServerContext&, const UnaryAnswer& answer) {
    answer.finish(grpc::Status(code, message));
  });
}

// As calling(), without waiting.
void call_on(OutboundCall call, int port, std::optional<grpc::StatusCode> code, int attempts,
             const UnaryAnswer& answer) {
  call_rpc(
      call,
      [&](grpc::ClientContext& context, std::function<void(grpc::Status)> done) {
        get_later(port, context, std::move(done));
      },
      [=](const grpc::Status& status) {
        if (!status.ok() && attempts > 1) return call_on(call, port, code, attempts - 1, answer);
        answer.finish(status.ok() ? status : grpc::Status(code.value_or(status.error_code()), ""));
      });
}
Method calling_later(int port, std::optional<grpc::StatusCode> code = {}, int attempts = 1,
                     std::optional<std::chrono::nanoseconds> timeout = {}) {
  return unary_callback([=](const Middleware& middleware, grpc::CallbackServerContext&, const UnaryAnswer& answer) {
    call_on(call_of(middleware, port, timeout), port, code, attempts, answer);
  });
}

TEST(GrpcCallbackTest, the_specifications_drift_comes_back_through_three_services) {
  Server e("service-e", kTrusted, {}, answering_later(grpc::StatusCode::PERMISSION_DENIED));
  Server b("service-b", kTrusted, {{e.port(), "service-e"}}, calling_later(e.port(), grpc::StatusCode::NOT_FOUND));
  Server root("root", kExposed, {{b.port(), "service-b"}}, calling_later(b.port()));
  const Answer answer = ask(root);
  EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(answer.tree, kDrift);
  const auto at_root = root.spans(model::SpanKind::Server), at_e = e.spans(model::SpanKind::Server);
  ASSERT_EQ(at_root.size(), 1u);
  ASSERT_EQ(at_e.size(), 1u);
  EXPECT_EQ(at_root[0].trace_id, at_e[0].trace_id);
}

TEST(GrpcCallbackTest, apis_of_both_kinds_understand_each_other) {
  Server e("service-e", kTrusted, {}, answering(grpc::StatusCode::PERMISSION_DENIED));
  Server b("service-b", kTrusted, {{e.port(), "service-e"}}, calling_later(e.port(), grpc::StatusCode::NOT_FOUND));
  Server root("root", kExposed, {{b.port(), "service-b"}}, calling(b.port()));
  EXPECT_EQ(ask(root).tree, kDrift);
}

TEST(GrpcCallbackTest, a_call_that_succeeds_has_no_tree) {
  Server b("service-b", kTrusted, {}, answering_later(grpc::StatusCode::OK));
  Server root("root", kExposed, {{b.port(), "service-b"}}, calling_later(b.port()));
  const Answer answer = ask(root);
  EXPECT_TRUE(answer.status.ok());
  EXPECT_EQ(answer.tree, "");
  EXPECT_EQ(root.spans(model::SpanKind::Server).size(), 1u);
  EXPECT_EQ(root.spans(model::SpanKind::Client).size(), 1u);
}

TEST(GrpcCallbackTest, what_a_handler_binds_answers_from_any_thread) {
  std::promise<std::function<void()>> work;
  Server b("service-b", kExposed, {},
           unary_callback([&](const Middleware&, grpc::CallbackServerContext&, const UnaryAnswer& answer) {
             work.set_value(bind([answer] {
               EXPECT_EQ(Context::current().span().context().span_id, answer.context().span().context().span_id);
               state_outcome(ErrorCode::from_name("payment.declined"), "card 51");
               answer.finish(grpc::Status(grpc::StatusCode::ABORTED, ""));
             }));
           }));
  std::thread worker([&] { work.get_future().get()(); });
  EXPECT_EQ(ask(b).tree, R"({"service":"service-b","status":"error","code":"payment.declined","error":"card 51"})");
  worker.join();
}

TEST(GrpcCallbackTest, a_callback_runs_with_the_context_of_who_called) {
  Server b("service-b", kTrusted, {}, answering(grpc::StatusCode::OK));
  Traced traced;
  OutboundCall call = call_of(Middleware(*traced.provider), b.port());
  Span span = traced.tracer.start_span("caller");
  std::promise<SpanId> seen;
  {
    const Scope scope(span);
    call_rpc(
        call,
        [&](grpc::ClientContext& context, std::function<void(grpc::Status)> done) {
          get_later(b.port(), context, std::move(done));
        },
        [&, only = std::make_unique<int>(1)](const grpc::Status& status) {
          EXPECT_TRUE(status.ok());
          EXPECT_EQ(*only, 1) << "functions that only move are fine";
          seen.set_value(Context::current().span().context().span_id);
        });
  }
  EXPECT_EQ(seen.get_future().get(), span.context().span_id);
}

TEST(GrpcCallbackTest, a_method_that_forgets_its_answer_is_unknown) {
  Server b("service-b", kExposed, {},
           unary_callback([](const Middleware&, grpc::CallbackServerContext&, const UnaryAnswer&) {}));
  const Answer answer = ask(b);
  EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::UNKNOWN);
  EXPECT_EQ(answer.tree, R"({"service":"service-b","status":"error","code":"unknown","error":"no answer was given"})");
}

TEST(GrpcCallbackTest, a_handler_that_throws_is_unknown) {
  Server b("service-b", kExposed, {},
           unary_callback([](const Middleware&, grpc::CallbackServerContext&, const UnaryAnswer&) {
             throw std::runtime_error("boom");
           }));
  EXPECT_EQ(ask(b).tree,
            R"({"service":"service-b","status":"error","code":"unknown","error":"the handler threw an exception"})");
}

TEST(GrpcCallbackTest, the_first_answer_counts) {
  std::promise<bool> second;
  Server b("service-b", kExposed, {},
           unary_callback([&](const Middleware&, grpc::CallbackServerContext&, const UnaryAnswer& answer) {
             EXPECT_TRUE(answer.finish(grpc::Status(grpc::StatusCode::ABORTED, "first")));
             second.set_value(answer.finish(grpc::Status::OK));
           }));
  EXPECT_EQ(ask(b).status.error_message(), "first");
  EXPECT_FALSE(second.get_future().get());
}

TEST(GrpcCallbackTest, a_refused_connection_is_unavailable_and_retries_fold) {
  int port;
  {
    Server gone("service-b", kTrusted, {}, answering(grpc::StatusCode::OK));
    port = gone.port();
  }
  Server root("root", kExposed, {{port, "service-b"}}, calling_later(port, {}, 2));
  const std::string child = children(ask(root).tree);
  EXPECT_EQ(child.find(R"({"service":"service-b","status":"error","code":"unavailable")"), 0u) << child;
  EXPECT_NE(child.find(R"("observed":"caller","count":2)"), std::string::npos) << child;
}

TEST(GrpcCallbackTest, without_time_nothing_is_sent) {
  Server b("service-b", kTrusted, {}, answering(grpc::StatusCode::OK));
  Server root("root", kExposed, {{b.port(), "service-b"}}, calling_later(b.port(), {}, 1, milliseconds(0)));
  const Answer answer = ask(root);
  EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_EQ(children(answer.tree), R"({"service":"service-b","status":"error","code":"deadline-exceeded",)"
                                   R"("error":"an error occurred in service service-b","observed":"caller"})");
  EXPECT_TRUE(b.spans(model::SpanKind::Server, 0).empty());
}

TEST(GrpcCallbackTest, an_attempt_that_was_called_off_tells_nothing_of_the_next_one) {
  Traced traced;
  OutboundCall call = call_of(Middleware(*traced.provider), 1);
  RpcAttempt first(call);
  RpcAttempt second(call);
  first.done(grpc::Status(grpc::StatusCode::ABORTED, "late"));
  second.done(grpc::Status::OK);
  const model::SpanSet set = traced.spans();
  ASSERT_EQ(set.spans.size(), 2u);
  EXPECT_EQ(*find(set.spans[0].attributes, "error.type"), model::Value("cancelled"));
  EXPECT_EQ(set.spans[1].status.code, model::StatusCode::Unset);
}

// Answers once its caller is gone.
Method outlasting_its_caller() {
  return unary_callback([](const Middleware&, grpc::CallbackServerContext& context, const UnaryAnswer& answer) {
    EXPECT_TRUE(eventually([&] { return context.IsCancelled(); }));
    state_committed(true);
    answer.finish(grpc::Status::OK);
  });
}

TEST(GrpcCallbackTest, a_callee_that_is_too_slow_exceeds_the_deadline_and_reports_its_end) {
  Server b("service-b", kTrusted, {}, outlasting_its_caller());
  Server root("root", kExposed, {{b.port(), "service-b"}}, calling_later(b.port(), {}, 1, milliseconds(100)));
  const std::string child = children(ask(root).tree);
  EXPECT_EQ(child.find(R"({"service":"service-b","status":"error","code":"deadline-exceeded")"), 0u) << child;
  EXPECT_NE(child.find(R"("observed":"caller")"), std::string::npos) << child;
  const auto at_b = b.spans(model::SpanKind::Server);
  ASSERT_EQ(at_b.size(), 1u);
  EXPECT_EQ(event_of(at_b[0]).tree, R"({"service":"service-b","status":"ok","code":"ok"})");
  EXPECT_EQ(event_of(at_b[0]).is_committed, true);
}

TEST(GrpcCallbackTest, a_call_that_its_caller_cancels_reports_its_end) {
  std::promise<void> arrived;
  Server b("service-b", kTrusted, {},
           unary_callback([&](const Middleware&, grpc::CallbackServerContext& context, const UnaryAnswer& answer) {
             arrived.set_value();
             EXPECT_TRUE(eventually([&] { return context.IsCancelled(); }));
             answer.finish(grpc::Status(grpc::StatusCode::ABORTED, "card 51"));
           }));
  grpc::ClientContext context;
  std::promise<grpc::Status> ended;
  get_later(b.port(), context, [&](const grpc::Status& status) { ended.set_value(status); });
  arrived.get_future().wait();
  context.TryCancel();
  EXPECT_EQ(ended.get_future().get().error_code(), grpc::StatusCode::CANCELLED);
  const auto at_b = b.spans(model::SpanKind::Server);
  ASSERT_EQ(at_b.size(), 1u);
  EXPECT_EQ(event_of(at_b[0]).tree, R"({"service":"service-b","status":"error","code":"aborted","error":"card 51"})");
}

}  // namespace
}  // namespace backstitch::sdk
