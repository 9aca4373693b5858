// The harness's test service, asked with the very bytes of its requests.
#include "lab/service/w3c.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <unistd.h>

#include "lab/service/lab_testing.h"

namespace backstitch::lab {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;
using testing::StartsWith;

const std::string kTraceId = "12345678901234567890123456789012";
const std::string kTraceparent = "traceparent: 00-" + kTraceId + "-1234567890123456-01\r\n";

// Sends bytes as they are, and reads to the end.
std::string exchange(uint16_t port, const std::string& bytes) {
  const int peer = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(peer, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(::send(peer, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  std::string answer;
  char buffer[4096];
  for (ssize_t n = ::recv(peer, buffer, sizeof buffer, 0); n > 0; n = ::recv(peer, buffer, sizeof buffer, 0)) {
    answer.append(buffer, static_cast<size_t>(n));
  }
  ::close(peer);
  return answer;
}

// The service, and a harness that keeps what it is called with.
class W3cTest : public testing::Test {
 protected:
  W3cTest() {
    sdk::TracerProviderOptions options;
    options.has_exporter = false;
    options.propagators = kW3cPropagators;
    provider_ = sdk::TracerProvider::create(std::move(options));
    Settings settings;
    settings.listen.port = 0;
    server_ = std::move(serve_w3c(settings, *provider_).value());
    harness_.Post(".*", [this](const httplib::Request& request, httplib::Response& answer) {
      if (request.path == "/refuse") answer.status = 418;
      calls_.push_back(request);
    });
    harness_port_ = harness_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { harness_.listen_after_bind(); });
    while (!harness_.is_running()) std::this_thread::yield();
  }
  ~W3cTest() override {
    server_.reset();  // its calls are over, so the harness is idle
    harness_.stop();
    thread_.join();
  }

  std::string url(const std::string& path) const { return "http://127.0.0.1:" + std::to_string(harness_port_) + path; }
  std::string post(const std::string& headers, const std::string& body) const {
    return exchange(server_->port(), "POST /test HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + headers +
                                         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  }
  // What the harness gets when the service is called with these header lines.
  httplib::Request called_with(const std::string& headers) {
    calls_.clear();
    EXPECT_THAT(post(headers, R"([{"url":")" + url("/1") + R"(","arguments":[]}])"), StartsWith("HTTP/1.1 200"));
    if (calls_.size() == 1) return calls_.front();
    ADD_FAILURE() << calls_.size() << " calls";
    return {};
  }
  std::string trace_id_with(const std::string& headers) {
    const std::string traceparent = called_with(headers).get_header_value("traceparent");
    EXPECT_THAT(traceparent, MatchesRegex("00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"));
    return traceparent.size() < 35 ? "" : traceparent.substr(3, 32);
  }
  std::string tracestate_with(const std::string& headers) {
    return called_with(kTraceparent + headers).get_header_value("tracestate");
  }

  std::vector<httplib::Request> calls_;
  std::shared_ptr<sdk::TracerProvider> provider_;
  std::unique_ptr<Server> server_;
  httplib::Server harness_;
  int harness_port_ = 0;
  std::thread thread_;
};

TEST_F(W3cTest, calls_each_url_in_order_with_its_arguments) {
  const std::string answer =
      post(kTraceparent, R"([{"url":")" + url("/1?q=1") + R"(","arguments":[{"url":"x","arguments":[]}]},{"url":")" +
                             url("/refuse") + R"("}])");
  ASSERT_EQ(calls_.size(), 2u);
  EXPECT_EQ(calls_[0].target, "/1?q=1");
  EXPECT_EQ(calls_[0].body, R"([{"url":"x","arguments":[]}])");
  EXPECT_EQ(calls_[0].get_header_value("content-type"), "application/json");
  EXPECT_EQ(calls_[1].body, "[]");
  EXPECT_THAT(calls_[0].get_header_value("traceparent"), HasSubstr(kTraceId));
  EXPECT_THAT(calls_[1].get_header_value("traceparent"), HasSubstr(kTraceId));
  EXPECT_NE(calls_[0].get_header_value("traceparent"), calls_[1].get_header_value("traceparent"));
  EXPECT_THAT(answer, HasSubstr(R"([{"url":")" + url("/1?q=1") + R"(","status":200},{"url":")" + url("/refuse") +
                                R"(","status":418}])"));
}

TEST_F(W3cTest, a_url_that_does_not_answer_has_the_status_0) {
  EXPECT_THAT(post("", R"([{"url":"http://127.0.0.1:1/"}])"), HasSubstr(R"("status":0,"error":"Connection)"));
}

TEST_F(W3cTest, anything_else_is_refused_with_a_sentence) {
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {"", "the body is no JSON, or nests deeper than 32"},
      {"[", "the body is no JSON, or nests deeper than 32"},
      {std::string(100'000, '['), "the body is no JSON, or nests deeper than 32"},
      {std::string(40, '[') + std::string(40, ']'), "the body is no JSON, or nests deeper than 32"},
      {"{}", "the body is no array of at most 64 objects"},
      {"[" + std::string(130, ' ') + "1]", R"(an entry is no object with a text \"url\")"},
      {R"([{"arguments":[]}])", R"(an entry is no object with a text \"url\")"},
      {R"([{"url":7}])", R"(an entry is no object with a text \"url\")"},
      {R"([{"url":"https://x/"}])", R"(\"https://x/\" is no URL of the form http://HOST:PORT/PATH)"},
      {R"([{"url":"x"}])", R"(\"x\" is no URL of the form http://HOST:PORT/PATH)"},
  };
  for (const auto& [body, sentence] : wrong) {
    const std::string answer = post("", body);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 400")) << body;
    EXPECT_THAT(answer, HasSubstr(R"({"error":")" + sentence + "\"}")) << body;
  }
  EXPECT_TRUE(calls_.empty());
}

TEST_F(W3cTest, a_traceparent_goes_on_whatever_its_case_and_the_space_around_it) {
  EXPECT_EQ(trace_id_with(kTraceparent), kTraceId);
  EXPECT_EQ(trace_id_with("TraceParent: 00-" + kTraceId + "-1234567890123456-01\r\n"), kTraceId);
  EXPECT_EQ(trace_id_with("traceparent: \t 00-" + kTraceId + "-1234567890123456-01 \t\r\n"), kTraceId);
  EXPECT_EQ(trace_id_with("traceparent: cc-" + kTraceId + "-1234567890123456-01-what-comes\r\n"), kTraceId);
}

TEST_F(W3cTest, a_traceparent_that_is_wrong_or_there_twice_begins_a_new_trace) {
  for (const std::string& headers :
       {std::string(), kTraceparent + "traceparent: 00-12345678901234567890123456789011-1234567890123456-01\r\n",
        "traceparent: 00-" + kTraceId + "-1234567890123456-01.\r\n",
        "traceparent: ff-" + kTraceId + "-1234567890123456-01\r\n",
        "trace-parent: 00-" + kTraceId + "-1234567890123456-01\r\n",
        "traceparent: 00-" + kTraceId + "-0000000000000000-01\r\n"}) {
    const std::string trace_id = trace_id_with(headers);
    EXPECT_NE(trace_id, kTraceId) << headers;
    EXPECT_NE(trace_id, "12345678901234567890123456789011") << headers;
  }
}

TEST_F(W3cTest, several_tracestates_are_one_in_their_order) {
  EXPECT_EQ(tracestate_with("tracestate: foo=1,bar=2\r\nTracestate: rojo=1,congo=2\r\nTRACESTATE: baz=3\r\n"),
            "foo=1,bar=2,rojo=1,congo=2,baz=3");
  EXPECT_EQ(tracestate_with("tracestate:\r\ntracestate: foo=1\r\n"), "foo=1");
  EXPECT_EQ(tracestate_with("tracestate: foo=1 \t , \t bar=2, \t baz=3\r\n"), "foo=1,bar=2,baz=3");
}

TEST_F(W3cTest, a_tracestate_that_is_wrong_or_without_a_traceparent_is_dropped) {
  for (const std::string line : {"foo=1,foo=1", "foo =1", "FOO=1", "foo=,bar=3", "foo=bar=baz", "foo@=1,bar=2",
                                 "@foo=1,bar=2", "foo@@bar=1,bar=2", "foo@bar@baz=1,bar=2"}) {
    EXPECT_EQ(tracestate_with("tracestate: " + line + "\r\n"), "") << line;
  }
  EXPECT_EQ(called_with("tracestate: foo=1\r\n").get_header_value("tracestate"), "");
}

}  // namespace
}  // namespace backstitch::lab
