#include "net/http_parse.h"

// Beast asserts that the last chunk's head comes in at least five bytes; "0\r\n\r" is four, and peers choose
// how they cut. Without the assertion it waits for the rest, as it should.
#define BOOST_DISABLE_ASSERTS
#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <optional>

#include "net/gzip.h"

namespace backstitch::net {

using base::Errc;
using base::fail;
using base::Result;
namespace http = boost::beast::http;
using boost::beast::error_code;
using BeastView = boost::beast::string_view;

namespace {

std::string_view view(BeastView text) { return {text.data(), text.size()}; }

enum class Coding { Identity, Compressed, Unknown };

Coding body_coding(std::string_view content_encoding) {
  if (content_encoding.empty() || equals_ignoring_case(content_encoding, "identity")) return Coding::Identity;
  for (const std::string_view known : {"gzip", "x-gzip", "deflate"}) {
    if (equals_ignoring_case(content_encoding, known)) return Coding::Compressed;
  }
  return Coding::Unknown;
}

HttpRefusal malformed(std::string message) { return {400, "malformed", std::move(message)}; }

HttpRefusal body_too_large(size_t limit) {
  return {413, "too_large", "the body exceeds the limit of " + std::to_string(limit) + " bytes"};
}

HttpRefusal header_too_large(size_t limit) {
  return {431, "header_too_large", "the head exceeds the limit of " + std::to_string(limit) + " bytes"};
}

HttpRefusal refusal_of(const error_code& error, const HttpParseLimits& limits) {
  if (error == http::error::header_limit) return header_too_large(limits.header_bytes_max);
  if (error == http::error::body_limit) return body_too_large(limits.body_bytes_max);
  if (error == http::error::bad_version) return {505, "unsupported", "only HTTP/1.1 and HTTP/1.0 are spoken here"};
  return malformed("not an HTTP request: " + error.message());
}

// Splits "http://host/path?query" or "/path?query". False if it is neither, nor the "*" of OPTIONS.
bool split_target(std::string_view target, HttpRequest& request) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!equals_ignoring_case(target.substr(0, scheme.size()), scheme)) continue;
    const size_t path = target.find_first_of("/?", scheme.size());
    target = path == std::string_view::npos ? std::string_view("/") : target.substr(path);
    break;
  }
  const size_t question = target.find('?');
  request.path = target.substr(0, question);
  if (request.path.empty()) request.path = "/";
  if (question != std::string_view::npos) request.query = parse_query(target.substr(question + 1));
  return request.path.front() == '/' || (request.path == "*" && request.method == "OPTIONS");
}

}  // namespace

// One request in the making: Beast's parser calls back, this collects.
class HttpRequestParser::Message final : public http::basic_parser<true> {
 public:
  Message(const HttpParseLimits& limits, ByteBudget* budget) : limits_(limits), budget_(budget) {
    header_limit(static_cast<uint32_t>(std::min<size_t>(limits.header_bytes_max, 1 << 30)));
    body_limit(limits.body_bytes_max);
    eager(true);
  }
  ~Message() override {
    if (budget_ != nullptr) budget_->give(taken_);
  }

  HttpRequest request;
  std::optional<HttpRefusal> refusal;
  bool started = false;
  bool expects_continue = false;
  bool body_begun = false;

 private:
  void on_request_impl(http::verb, BeastView method, BeastView target, int version, error_code& error) override {
    request.method = view(method);
    version_ = version;
    if (!split_target(view(target), request)) {
      refuse(malformed("the request target is neither a path nor an http:// URL"), error);
    }
  }

  void on_field_impl(http::field, BeastView name, BeastView value, error_code&) override {
    // A trailer comes after the checks below were made; nothing may change by then.
    if (is_header_done()) return;
    request.headers.emplace_back(to_lower(view(name)), view(value));
  }

  void on_header_impl(error_code& error) override {
    if (auto why = check_head()) return refuse(std::move(*why), error);
    const std::string_view encoding = request.header("content-encoding").value_or("");
    if (body_coding(encoding) == Coding::Compressed) {
      inflater_.emplace();
      inflater_->reset(limits_.body_bytes_max);
    }
  }

  std::optional<HttpRefusal> check_head() {
    const auto count = [&](std::string_view name) {
      return std::count_if(request.headers.begin(), request.headers.end(),
                           [&](const auto& header) { return header.first == name; });
    };
    if (count("host") > 1 || (version_ == 11 && count("host") == 0)) {
      return malformed("a request needs one Host header");
    }
    // Anything that we would frame otherwise than a proxy before us is a way to smuggle requests past it.
    if (const auto transfer = request.header("transfer-encoding")) {
      if (version_ == 10) return malformed("HTTP/1.0 knows no Transfer-Encoding");
      if (count("transfer-encoding") != 1 || !equals_ignoring_case(*transfer, "chunked")) {
        return HttpRefusal{501, "unsupported", "the only Transfer-Encoding known here is chunked"};
      }
    }
    if (const auto expect = request.header("expect")) {
      if (!equals_ignoring_case(*expect, "100-continue")) {
        return HttpRefusal{417, "expectation_failed", "the only expectation met here is 100-continue"};
      }
      expects_continue = version_ == 11;
    }
    const bool has_body = chunked() || content_length().has_value();
    if (!has_body && (request.method == "POST" || request.method == "PUT" || request.method == "PATCH") &&
        (request.header("content-type") || request.header("content-encoding"))) {
      return HttpRefusal{411, "length_required", "a body needs Content-Length or Transfer-Encoding: chunked"};
    }
    const std::string_view encoding = request.header("content-encoding").value_or("");
    if (count("content-encoding") > 1 || body_coding(encoding) == Coding::Unknown) {
      return HttpRefusal{415, "unsupported_encoding", "the encodings known here are gzip, deflate and identity"};
    }
    return std::nullopt;
  }

  void on_body_init_impl(const boost::optional<std::uint64_t>& length, error_code&) override {
    // What is announced has not come yet: believe little of it.
    constexpr std::uint64_t kBelieved = 1 << 20;
    if (length && !inflater_) request.body.reserve(static_cast<size_t>(std::min(*length, kBelieved)));
  }

  size_t on_body_impl(BeastView bytes, error_code& error) override {
    take_body(view(bytes), error);
    return bytes.size();
  }
  void on_chunk_header_impl(std::uint64_t, BeastView, error_code&) override { body_begun = true; }
  size_t on_chunk_body_impl(std::uint64_t, BeastView bytes, error_code& error) override {
    take_body(view(bytes), error);
    return bytes.size();
  }

  void take_body(std::string_view bytes, error_code& error) {
    if (bytes.empty()) return;
    body_begun = true;
    if (!inflater_) {
      if (!take(bytes.size())) return refuse(overloaded(), error);
      request.body += bytes;
      return;
    }
    const auto fed = inflater_->feed(bytes, request.body, [this](size_t grown) { return take(grown); });
    if (fed) return;
    switch (fed.error().code) {
      case Errc::TooLarge:
        return refuse(body_too_large(limits_.body_bytes_max), error);
      case Errc::Overloaded:
        return refuse(overloaded(), error);
      default:
        return refuse(malformed(fed.error().message), error);
    }
  }

  void on_finish_impl(error_code& error) override {
    if (!inflater_ || !body_begun) return;
    if (const auto finished = inflater_->finish(); !finished) refuse(malformed(finished.error().message), error);
  }

  // Never called for a request; Beast wants it.
  void on_response_impl(int, BeastView, int, error_code&) override {}

  bool take(size_t bytes) {
    if (budget_ == nullptr) return true;
    if (!budget_->try_take(bytes)) return false;
    taken_ += bytes;
    return true;
  }

  static HttpRefusal overloaded() { return {429, "overloaded", "too many request bodies are in progress; try again"}; }

  // Any error stops Beast; the refusal is what counts.
  void refuse(HttpRefusal why, error_code& error) {
    refusal = std::move(why);
    error = http::error::bad_value;
  }

  const HttpParseLimits& limits_;
  ByteBudget* const budget_;
  size_t taken_ = 0;
  int version_ = 11;
  std::optional<Inflater> inflater_;
};

HttpRequestParser::HttpRequestParser(HttpParseLimits limits, ByteBudget* budget)
    : limits_(limits), budget_(budget), message_(std::make_unique<Message>(limits_, budget_)) {}

HttpRequestParser::~HttpRequestParser() = default;

void HttpRequestParser::feed(std::string_view bytes) {
  if (kept_used_ == kept_.size()) {
    kept_.clear();
    kept_used_ = 0;
    parse(bytes);
    kept_.assign(bytes.substr(kept_used_));
    kept_used_ = 0;
    return;
  }
  kept_.erase(0, kept_used_);
  kept_used_ = 0;
  kept_.append(bytes);
  parse(kept_);
}

void HttpRequestParser::next() {
  message_ = std::make_unique<Message>(limits_, budget_);
  // A quiet connection keeps no buffer.
  if (kept_used_ == kept_.size()) {
    kept_ = {};
    kept_used_ = 0;
    return;
  }
  const std::string_view rest = std::string_view(kept_).substr(kept_used_);
  const size_t used_before = kept_used_;
  kept_used_ = 0;
  parse(rest);
  kept_used_ += used_before;
}

// Adds to kept_used_ how much of `bytes` it consumed.
void HttpRequestParser::parse(std::string_view bytes) {
  Message& message = *message_;
  if (!message.started) {
    // RFC 9112, 2.2: empty lines before a request line are ignored; some clients send one after a body.
    const size_t begin = std::min(bytes.find_first_not_of("\r\n"), bytes.size());
    kept_used_ += begin;
    bytes.remove_prefix(begin);
  }
  while (!bytes.empty() && !message.refusal && !message.is_done()) {
    message.started = true;
    error_code error;
    const size_t used = message.put({bytes.data(), bytes.size()}, error);
    kept_used_ += used;
    bytes.remove_prefix(used);
    if (error == http::error::need_more) break;
    if (error) {
      if (!message.refusal) message.refusal = refusal_of(error, limits_);
      return;
    }
  }
  // Heads have Beast's own limit; the line before a chunk and the trailer have only this one.
  if (!message.is_done() && bytes.size() > limits_.header_bytes_max && !message.refusal) {
    message.refusal = header_too_large(limits_.header_bytes_max);
  }
}

HttpRequestParser::State HttpRequestParser::state() const {
  if (message_->refusal) return State::Refused;
  if (message_->is_done()) return State::Done;
  if (message_->is_header_done()) return State::Body;
  return message_->started ? State::Head : State::Empty;
}

bool HttpRequestParser::wants_continue() const { return message_->expects_continue && !message_->body_begun; }
bool HttpRequestParser::keep_alive() const { return message_->keep_alive(); }
HttpRequest& HttpRequestParser::request() { return message_->request; }
const HttpRefusal& HttpRequestParser::refusal() const { return *message_->refusal; }

HttpResponse to_response(const HttpRefusal& refusal, const HttpRequest& head, const HttpRefusalWriter& write) {
  HttpResponse response = write ? write(head, refusal) : error_response(refusal.status, refusal.code, refusal.message);
  response.status = refusal.status;
  if (refusal.status == 429) response.headers.emplace_back("Retry-After", "1");
  if (refusal.status == 415) response.headers.emplace_back("Accept-Encoding", "gzip, deflate");
  return response;
}

Result<HttpRequest> parse_http_head(std::string_view bytes, HttpParseLimits limits) {
  HttpRequestParser parser(limits);
  parser.feed(bytes);
  switch (parser.state()) {
    case HttpRequestParser::State::Empty:
    case HttpRequestParser::State::Head:
      return fail(Errc::Malformed, "the head is not complete");
    case HttpRequestParser::State::Refused: {
      const HttpRefusal& why = parser.refusal();
      return fail(why.status == 413 || why.status == 431 ? Errc::TooLarge : Errc::Malformed, why.message);
    }
    default:
      break;
  }
  HttpRequest request = std::move(parser.request());
  request.body.clear();
  return request;
}

}  // namespace backstitch::net
