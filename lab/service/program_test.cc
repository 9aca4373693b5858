// The program as it is started: its ready line, its exit codes, how it ends.
#include <csignal>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <nlohmann/json.hpp>
#include <semaphore>

#include "lab/service/program_testing.h"
#include "lab/service/spelling.h"

namespace backstitch::lab {
namespace {

using testing::HasSubstr;

// An HTTP server of the test.
class TestServer {
 public:
  explicit TestServer(const std::function<void(httplib::Server&)>& add_routes) {
    add_routes(server_);
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }
  ~TestServer() {
    server_.stop();
    thread_.join();
  }
  std::string url() const { return "http://" + authority("127.0.0.1", static_cast<uint16_t>(port_)); }

 private:
  httplib::Server server_;
  int port_ = 0;
  std::thread thread_;
};

Variables untraced(Variables variables) {
  variables["OTEL_SDK_DISABLED"] = "true";
  return variables;
}

int get(uint16_t port) {
  const httplib::Result answer = httplib::Client("127.0.0.1", port).Get("/");
  return answer ? answer->status : 0;
}

TEST(ProgramTest, says_where_it_listens_and_nothing_else_on_stdout) {
  for (const std::string protocol : {"http", "grpc"}) {
    Program program(untraced({{"SERVICE_NAME", "cart"}, {"PROTOCOL", protocol}}));
    const uint16_t port = program.port();
    ASSERT_NE(port, 0);
    if (protocol == "http") {
      EXPECT_EQ(get(port), 200);
    }
    program.signal(SIGTERM);
    EXPECT_EQ(program.wait(), 0) << program.err();
    EXPECT_EQ(program.out(), "listening on 127.0.0.1:" + std::to_string(port) + "\n");
  }
}

TEST(ProgramTest, tells_all_mistakes_and_exits_with_2) {
  Program program(Variables{{"CALLS", "sometimes"}, {"RETRIES", "many"}});
  EXPECT_EQ(program.wait(), 2);
  EXPECT_EQ(program.out(), "");
  EXPECT_EQ(program.err(),
            "backstitch-lab-service: SERVICE_NAME is not set; expected the service's name\n"
            "backstitch-lab-service: CALLS is \"sometimes\"; expected serial or parallel\n"
            "backstitch-lab-service: RETRIES is \"many\"; expected a number from 0 to 100\n");
  Program unknown(Variables{{"SERVICE_NAME", "cart"}}, {"--verbose"});
  EXPECT_EQ(unknown.wait(), 2);
  EXPECT_THAT(unknown.err(), HasSubstr("usage: "));
}

TEST(ProgramTest, a_port_that_is_taken_is_told_and_exits_with_1) {
  for (const std::string protocol : {"http", "grpc"}) {
    Program first(untraced({{"SERVICE_NAME", "cart"}, {"PROTOCOL", protocol}}));
    const std::string port = std::to_string(first.port());
    Program second(untraced({{"SERVICE_NAME", "cart"}, {"PROTOCOL", protocol}, {"PORT", port}}));
    EXPECT_EQ(second.wait(), 1);
    EXPECT_EQ(second.out(), "");
    EXPECT_THAT(second.err(), HasSubstr("backstitch-lab-service: cannot listen on 127.0.0.1:" + port + ": "));
  }
}

TEST(ProgramTest, logs_each_request_as_a_line_of_json) {
  Program program(untraced({{"SERVICE_NAME", "cart"}}));
  httplib::Client client("127.0.0.1", program.port());
  ASSERT_TRUE(client.Post("/", {{"x-lab-fault", "cart=fail:aborted:no stock"}}, "", "text/plain"));
  program.signal(SIGINT);
  EXPECT_EQ(program.wait(), 0) << program.err();
  const auto json = nlohmann::json::parse(program.err());
  EXPECT_EQ(json["service"], "cart");
  EXPECT_EQ(json["operation"], "POST /");
  EXPECT_EQ(json["code"], "aborted");
  EXPECT_EQ(json["message"], "no stock");
  EXPECT_TRUE(json["time"].is_string() && json["trace_id"].is_string() && json["span_id"].is_string());
  EXPECT_TRUE(json["duration_ms"].is_number());
}

TEST(ProgramTest, sigterm_exports_what_is_left) {
  std::mutex mutex;
  std::string exported;
  const TestServer collector([&](httplib::Server& server) {
    server.Post("/v1/traces", [&](const httplib::Request& request, httplib::Response&) {
      const std::scoped_lock lock(mutex);
      exported += request.body;
    });
  });
  Program program({{"SERVICE_NAME", "cart"},
                   {"OTEL_EXPORTER_OTLP_ENDPOINT", collector.url()},
                   {"OTEL_SERVICE_NAME", "overruled"},
                   {"OTEL_BSP_SCHEDULE_DELAY", "600000"}});
  EXPECT_EQ(get(program.port()), 200);
  program.signal(SIGTERM);
  EXPECT_EQ(program.wait(), 0) << program.err();
  const std::scoped_lock lock(mutex);
  EXPECT_THAT(exported, HasSubstr("GET /"));
  EXPECT_THAT(exported, HasSubstr("cart"));
  EXPECT_THAT(exported, testing::Not(HasSubstr("overruled")));
}

// An upstream that answers when it is let.
class HeldUpstream {
 public:
  std::string url() const { return server_.url(); }
  void await_call() { has_come_.acquire(); }
  void let_go() { may_go_.release(); }

 private:
  std::binary_semaphore has_come_{0}, may_go_{0};
  TestServer server_{[this](httplib::Server& server) {
    server.Get("/", [this](const httplib::Request&, httplib::Response&) {
      has_come_.release();
      may_go_.acquire();
    });
  }};
};

TEST(ProgramTest, sigterm_lets_a_running_request_end) {
  HeldUpstream upstream;
  Program program(untraced({{"SERVICE_NAME", "cart"}, {"UPSTREAMS", "stock=" + upstream.url()}}));
  const uint16_t port = program.port();
  int status = 0;
  {
    const std::jthread caller([&] { status = get(port); });
    upstream.await_call();
    program.signal(SIGTERM);
    EXPECT_TRUE(eventually([&] { return !httplib::Client("127.0.0.1", port).Get("/healthz"); })) << "still accepts";
    upstream.let_go();
  }
  EXPECT_EQ(status, 200);
  EXPECT_EQ(program.wait(), 0) << program.err();
}

TEST(ProgramTest, a_request_that_does_not_end_keeps_neither_protocol_from_ending) {
  for (const std::string protocol : {"http", "grpc"}) {
    HeldUpstream upstream;
    Program program(untraced({{"SERVICE_NAME", "b"}, {"PROTOCOL", protocol}, {"UPSTREAMS", "c=" + upstream.url()}}));
    const RunningService root("root",
                              {{"UPSTREAMS", "b=" + protocol + "://" + authority("127.0.0.1", program.port())}});
    {
      const std::jthread caller([&] { EXPECT_EQ(ask(root).code, "unavailable"); });
      upstream.await_call();
      program.signal(SIGTERM);
      EXPECT_EQ(program.wait(), 0) << program.err();
    }
    upstream.let_go();
  }
}

TEST(ProgramTest, a_callee_that_crashes_is_unavailable_at_its_caller) {
  for (const std::string protocol : {"http", "grpc"}) {
    Program program(untraced({{"SERVICE_NAME", "b"}, {"PROTOCOL", protocol}}));
    const RunningService root("root",
                              {{"TRUST", "false"},
                               {"EXPOSE", "true"},
                               {"UPSTREAMS", "b=" + protocol + "://" + authority("127.0.0.1", program.port())}});
    const Answer answer = ask(root, "b=crash");
    EXPECT_EQ(program.wait(), 3);
    EXPECT_EQ(answer.code, "unavailable");
    EXPECT_THAT(answer.children(), testing::StartsWith(R"({"service":"b","status":"error","code":"unavailable")"));
    EXPECT_THAT(answer.children(), HasSubstr(R"("observed":"caller")"));
  }
}

}  // namespace
}  // namespace backstitch::lab
