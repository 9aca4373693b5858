#include "backstitch/tracer_provider.h"

#include <cstdlib>
#include <gtest/gtest.h>
#include <new>
#include <sys/wait.h>
#include <unistd.h>

#include "src/middleware_testing.h"

namespace {

std::atomic<uint64_t> allocations{0};
std::atomic<bool> has_no_memory{false};
thread_local int allocations_left = -1;  // of this thread; -1: any number

bool is_refused() {
  if (allocations_left > 0) --allocations_left;
  return has_no_memory.load() || allocations_left == 0;
}

}  // namespace

// Not inlined: GCC would take malloc and delete, or new and free, for mismatched.
[[gnu::noinline]] void* operator new(size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  void* const memory = is_refused() ? nullptr : std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
[[gnu::noinline]] void* operator new(size_t size, const std::nothrow_t&) noexcept {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return is_refused() ? nullptr : std::malloc(size == 0 ? 1 : size);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace backstitch::sdk {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TracerProviderOptions with(std::shared_ptr<const Sampler> sampler) {
  TracerProviderOptions options;
  options.sampler = std::move(sampler);
  return options;
}

TEST(TracerProviderTest, what_is_not_recorded_costs_no_allocation) {
  Traced traced(with(always_off()));
  const Scope warm(traced.tracer.start_span("warm"));  // the thread's stack of contexts
  const uint64_t before = allocations.load();
  for (int i = 0; i < 100; ++i) {
    Span span = traced.tracer.start_span("a span with a name that no string keeps inline",
                                         {SpanKind::Server, {{"http.route", "/cart/{id}"}, {"n", i}}});
    const Scope scope(span);
    span.set_attribute("text", "a text that no string keeps inline, either");
    span.add_event("event", {{"k", 1}});
    span.set_status(StatusCode::Error, "no");
    span.record_exception(std::bad_alloc());
    span.end();
  }
  EXPECT_EQ(allocations.load() - before, 0u);
}

TEST(TracerProviderTest, a_recorded_span_is_one_allocation_at_most) {
  Traced traced;
  traced.tracer.start_span("warm").end();
  traced.provider->force_flush(seconds(20));
  const uint64_t before = allocations.load();
  {
    Span span = traced.tracer.start_span("x", {SpanKind::Server, {{"a", 1}, {"b", "two"}, {"c", 3.0}}});
    span.set_attribute("d", true);
  }
  EXPECT_LE(allocations.load() - before, 1u);
}

TEST(TracerProviderTest, without_memory_nothing_is_thrown_and_spans_are_counted) {
  Traced traced;
  traced.tracer.start_span("warm").end();
  has_no_memory = true;
  {
    Span span = traced.tracer.start_span("x\xff and more than a string keeps inline", {SpanKind::Server, {{"a", 1}}});
    const Scope scope(span);
    span.set_attribute("text\xff, long enough to be put together elsewhere", "v");
    (void)Context::current().with_baggage("a", "b");
    (void)traced.provider->get_tracer("another");
    EXPECT_TRUE(span.context().is_valid()) << "the trace goes on";
  }
  has_no_memory = false;
  EXPECT_EQ(traced.provider->stats().count(DropReason::NoMemory), 1u);
}

TEST(TracerProviderTest, whichever_allocation_of_a_request_fails_nothing_is_thrown) {
  const Service root("root");
  const Headers inbound = {{"x-deadline-ms", "60000"},
                           {"x-error-tree-accept", "bin, and more than a string keeps inline"}};
  const Headers answer = {{"x-error-tree", R"({"service":"service-b","code":"aborted","children":[{"service":"e",)"
                                           R"("code":"a.custom.code.that.no.string.keeps.inline"}]})"}};
  Headers outgoing;
  outgoing.reserve(16);
  int sent = 0;
  for (int allocations = 1; allocations < 300; ++allocations) {
    outgoing.clear();
    allocations_left = allocations;
    {
      InboundRequest request = root.serve(inbound, {true}, "GET /a/route/that/no/string/keeps/inline");
      OutboundCall call = root.call("b", request.context());
      if (call.start_attempt(HeadersWriter(outgoing))) call.answered(ErrorCode::Aborted, fields(answer));
      state_outcome(ErrorCode::Aborted, "a message that no string keeps inline", request.context());
      sent += request.finish(ErrorCode::Aborted) ? 1 : 0;
      request.end(true);
    }
    allocations_left = -1;
  }
  EXPECT_GT(sent, 100) << "with enough of it all is well";
  EXPECT_LT(sent, 299);
}

TEST(TracerProviderTest, after_shutdown_spans_pass_their_parent_on) {
  Traced traced;
  Span open = traced.tracer.start_span("open");
  EXPECT_TRUE(traced.provider->shutdown(seconds(20)));
  EXPECT_TRUE(traced.provider->shutdown(seconds(20)));
  const Context around = Context().with_span(open);
  StartSpanOptions options;
  options.parent = &around;
  const Span late = traced.tracer.start_span("late", options);
  EXPECT_FALSE(late.is_recording());
  EXPECT_EQ(late.context().span_id, open.context().span_id);
  open.end();
  EXPECT_EQ(traced.provider->stats().count(DropReason::AfterShutdown), 1u);
}

TEST(TracerProviderTest, tracers_and_spans_may_outlive_their_provider) {
  auto traced = std::make_unique<Traced>();
  const Tracer tracer = traced->tracer;
  Span span = tracer.start_span("x");
  traced.reset();
  span.set_attribute("late", 1);
  span.end();
  tracer.start_span("y").end();
}

TEST(TracerProviderTest, disabled_and_unset_ones_record_nothing) {
  TracerProviderOptions options;
  options.is_disabled = true;
  Traced traced(options);
  EXPECT_FALSE(traced.tracer.start_span("x").is_recording());
  EXPECT_FALSE(TracerProvider::global()->get_tracer("x").start_span("x").is_recording());
  EXPECT_FALSE(Tracer().start_span("x").context().is_valid());
  EXPECT_TRUE(traced.provider->shutdown(seconds(1)));
}

TEST(TracerProviderTest, a_url_that_cannot_be_used_is_a_problem_and_no_more) {
  std::string problem;
  TracerProviderOptions options;
  options.otlp.url = "ftp://example";
  options.on_problem = [&](std::string_view text) { problem = text; };
  const auto provider = TracerProvider::create(std::move(options));
  provider->get_tracer("x").start_span("x").end();
  EXPECT_EQ(problem, "spans go nowhere: no URL of HTTP: ftp://example");
}

TEST(TracerProviderTest, a_span_that_is_recorded_only_goes_nowhere) {
  class RecordOnly final : public Sampler {
    SamplingDecision should_sample(const SamplingParameters&) const noexcept override {
      return SamplingDecision::RecordOnly;
    }
    std::string description() const override { return "RecordOnly"; }
  };
  Traced traced(with(std::make_shared<RecordOnly>()));
  const Span span = traced.tracer.start_span("x");
  EXPECT_TRUE(span.is_recording());
  EXPECT_FALSE(span.context().is_sampled());
  Span(span).end();
  traced.provider->shutdown(seconds(20));
  EXPECT_EQ(traced.exporter->calls(), 0u);
}

// ThreadSanitizer follows no child that starts threads.
class ForkTest : public testing::Test {
 protected:
  void SetUp() override {
#ifdef __SANITIZE_THREAD__
    GTEST_SKIP() << "ThreadSanitizer";
#endif
  }
};

// Runs `child` in a forked process: true if it returns true.
template <typename Child>
bool in_child(Child child) {
  const pid_t pid = fork();
  if (pid == 0) _exit(child() ? 0 : 1);
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST_F(ForkTest, a_child_exports_its_own_spans_and_the_parent_its) {
  Traced traced;
  traced.tracer.start_span("before").end();
  Span open = traced.tracer.start_span("open");
  const Scope scope(open);
  EXPECT_TRUE(in_child([&] {
    // The parent's spans stay the parent's, whatever is done to them here.
    if (open.is_recording() || traced.exporter->forks != 1) return false;
    open.set_attribute("child", 1);
    open.end();
    const Span own = traced.tracer.start_span("in child");
    if (!(own.context().trace_id == open.context().trace_id)) return false;
    Span(own).end();
    if (!traced.provider->shutdown(seconds(10))) return false;
    const auto requests = traced.exporter->requests();
    return traced.provider->stats().exported == 1 &&
           wire::otlp::decode_request(requests.back()).value().spans.at(0).name == "in child";
  }));
  EXPECT_TRUE(open.is_recording());
  open.end();
  EXPECT_EQ(traced.spans().spans.size(), 2u);
}

TEST_F(ForkTest, a_child_forked_amid_many_threads_works) {
#ifdef __SANITIZE_ADDRESS__
  // A thread may hold a lock of its allocator at the fork, which the child then waits for without end.
  GTEST_SKIP() << "AddressSanitizer's allocator does not follow forks";
#endif
  Traced traced;
  std::atomic<bool> is_done{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      while (!is_done) traced.tracer.start_span("busy", {SpanKind::Internal, {{"a", 1}}}).end();
    });
  }
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(in_child([&] {
      alarm(20);  // a deadlock ends here
      traced.tracer.start_span("in child").end();
      return traced.provider->shutdown(seconds(10)) && traced.provider->stats().exported == 1;
    }));
  }
  is_done = true;
  for (std::thread& thread : threads) thread.join();
}

TEST_F(ForkTest, ids_differ_between_parent_and_child) {
  Traced traced;
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  (void)traced.tracer.start_span("seeded");
  EXPECT_TRUE(in_child([&] {
    const TraceId id = traced.tracer.start_span("x").context().trace_id;
    return write(ends[1], id.bytes.data(), id.bytes.size()) == static_cast<ssize_t>(id.bytes.size());
  }));
  TraceId theirs;
  ASSERT_EQ(read(ends[0], theirs.bytes.data(), theirs.bytes.size()), static_cast<ssize_t>(theirs.bytes.size()));
  EXPECT_NE(traced.tracer.start_span("x").context().trace_id, theirs);
  close(ends[0]);
  close(ends[1]);
}

}  // namespace
}  // namespace backstitch::sdk
