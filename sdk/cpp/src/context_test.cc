#include "backstitch/context.h"

#include <deque>
#include <functional>
#include <future>
#include <gtest/gtest.h>
#include <thread>

#include "backstitch/coroutine.h"
#include "src/sdk_testing.h"

namespace backstitch::sdk {
namespace {

SpanId current() { return Context::current().span().context().span_id; }

TEST(ContextTest, a_scope_makes_a_span_the_parent_until_it_ends) {
  Traced traced;
  const Span outer = traced.tracer.start_span("outer");
  EXPECT_FALSE(current().is_valid());
  {
    const Scope scope(outer);
    EXPECT_EQ(current(), outer.context().span_id);
    const Span inner = traced.tracer.start_span("inner");
    EXPECT_EQ(inner.context().trace_id, outer.context().trace_id);
    {
      const Scope nested(inner);
      EXPECT_EQ(current(), inner.context().span_id);
    }
    EXPECT_EQ(current(), outer.context().span_id);
    StartSpanOptions root;
    root.is_root = true;
    EXPECT_NE(traced.tracer.start_span("root", root).context().trace_id, outer.context().trace_id);
  }
  EXPECT_FALSE(current().is_valid());
}

TEST(ContextTest, scopes_that_end_out_of_order_leave_nothing_behind) {
  Traced traced;
  const Span a = traced.tracer.start_span("a"), b = traced.tracer.start_span("b"), c = traced.tracer.start_span("c");
  auto first = std::make_unique<Scope>(a);
  auto second = std::make_unique<Scope>(b);
  first.reset();
  EXPECT_FALSE(current().is_valid());
  {
    const Scope third(c);
    second.reset();
    EXPECT_EQ(current(), c.context().span_id) << "the second is gone already: it detaches nobody else's";
  }
  EXPECT_FALSE(current().is_valid());
}

TEST(ContextTest, a_scope_that_ends_in_another_thread_detaches_nothing_until_an_outer_one_does) {
  Traced traced;
  const Span outer = traced.tracer.start_span("outer"), inner = traced.tracer.start_span("inner");
  {
    const Scope around(outer);
    auto scope = std::make_unique<Scope>(inner);
    std::thread([&] {
      scope.reset();
      EXPECT_FALSE(current().is_valid());
    }).join();
    EXPECT_EQ(current(), inner.context().span_id);
  }
  EXPECT_FALSE(current().is_valid());
}

TEST(ContextTest, a_bound_function_runs_with_what_was_current) {
  Traced traced;
  const Span span = traced.tracer.start_span("a");
  std::function<SpanId(int)> bound;
  {
    const Scope scope(span);
    bound = bind([](int) { return current(); });
  }
  EXPECT_EQ(std::async(std::launch::async, bound, 1).get(), span.context().span_id);
  EXPECT_EQ(bound(1), span.context().span_id);
  EXPECT_FALSE(current().is_valid());
}

TEST(ContextTest, a_context_travels_through_a_queue) {
  Traced traced;
  std::deque<Context> queue;
  const Span span = traced.tracer.start_span("a");
  queue.push_back(Context::current().with_span(span).with_baggage("user", "alice"));
  std::thread([&] {
    const Scope scope(queue.front());
    EXPECT_EQ(current(), span.context().span_id);
    EXPECT_EQ(Context::current().baggage("user"), "alice");
  }).join();
}

TEST(ContextTest, baggage_is_of_the_context_that_it_was_added_to) {
  const Context base = Context().with_baggage("a", "1");
  const Context more = base.with_baggage("b", "2").with_baggage("a", "3");
  EXPECT_EQ(base.baggage("b"), std::nullopt);
  EXPECT_EQ(base.baggage("a"), "1");
  EXPECT_EQ(more.baggage("a"), "3");
  EXPECT_EQ(base.with_baggage("no token", "x").baggage("no token"), std::nullopt);
}

// Starts at once; nobody waits for it.
struct Task {
  struct promise_type {
    Task get_return_object() { return {}; }
    std::suspend_never initial_suspend() { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};

// Resumes in a thread of its own.
struct Elsewhere {
  std::thread& thread;
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> handle) {
    std::thread& target = thread;  // the coroutine may be gone, with this object, before the assignment
    target = std::thread([handle] { handle.resume(); });
  }
  int await_resume() const { return 7; }
};
struct Throwing {
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<>) { throw std::runtime_error("no executor"); }
  void await_resume() const {}
};

Task work(Context context, std::thread& thread, std::vector<SpanId>& seen, std::promise<void>& done) {
  {
    CoroutineScope scope(std::move(context));
    seen.push_back(current());
    EXPECT_EQ(co_await scope.keep(Elsewhere{thread}), 7);
    seen.push_back(current());
  }
  seen.push_back(current());
  done.set_value();
}

TEST(ContextTest, a_coroutine_keeps_its_context_from_thread_to_thread) {
  Traced traced;
  const Span span = traced.tracer.start_span("a");
  std::thread thread;
  std::vector<SpanId> seen;
  std::promise<void> done;
  work(Context().with_span(span), thread, seen, done);
  EXPECT_FALSE(current().is_valid()) << "while it is suspended, its thread is free";
  done.get_future().wait();
  thread.join();
  EXPECT_EQ(seen, (std::vector<SpanId>{span.context().span_id, span.context().span_id, SpanId()}));
}

Task fail(Context context, SpanId& seen) {
  CoroutineScope scope(std::move(context));
  try {
    co_await scope.keep(Throwing());
  } catch (const std::runtime_error&) {
    seen = current();
  }
}

TEST(ContextTest, a_suspension_that_fails_leaves_the_context_in_place) {
  Traced traced;
  const Span span = traced.tracer.start_span("a");
  SpanId seen;
  fail(Context().with_span(span), seen);
  EXPECT_EQ(seen, span.context().span_id);
  EXPECT_FALSE(current().is_valid());
}

// A static's destructor runs when the main thread's own variables are gone.
struct AtExit {
  Span span;
  ~AtExit() {
    const Scope scope(span);
    (void)Context::current();
  }
};

TEST(ContextTest, contexts_can_be_used_while_statics_are_destroyed) {
  EXPECT_EXIT(
      {
        static Traced traced;
        static AtExit last;
        const Scope scope(traced.tracer.start_span("a"));
        last.span = Context::current().span();
        std::exit(7);
      },
      testing::ExitedWithCode(7), "");
}

}  // namespace
}  // namespace backstitch::sdk
