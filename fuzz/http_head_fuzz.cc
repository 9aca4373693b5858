// Bytes from a connection → requests: heads, queries, chunked and compressed bodies, pipelining. The first byte says
// how the rest is cut, since a server sees every cut. However it is cut, the same requests must come out; only what is
// wrong may be noticed sooner or later.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "net/http_parse.h"
#include "net/http_write.h"

namespace {

using backstitch::net::ByteBudget;
using backstitch::net::HttpRequest;
using backstitch::net::HttpRequestParser;
using State = HttpRequestParser::State;

constexpr size_t kBodyBytesMax = 1 << 16;

struct Outcome {
  std::vector<std::string> requests;
  bool refused = false;
};

std::string text_of(const HttpRequest& request) {
  std::string text = request.method + " " + request.path;
  for (const auto& [name, value] : request.query) text += "\n?" + name + "=" + value;
  for (const auto& [name, value] : request.headers) text += "\n" + name + ": " + value;
  return text + "\n\n" + request.body;
}

Outcome parse(std::string_view bytes, size_t piece) {
  Outcome outcome;
  ByteBudget budget(4 * kBodyBytesMax);
  {
    HttpRequestParser parser({.header_bytes_max = 1 << 14, .body_bytes_max = kBodyBytesMax}, &budget);
    for (size_t at = 0; at < bytes.size() && parser.state() != State::Refused; at += piece) {
      parser.feed(bytes.substr(at, piece));
      while (parser.state() == State::Done) {
        const HttpRequest& request = parser.request();
        if (request.body.size() > kBodyBytesMax || request.path.empty()) std::abort();
        (void)backstitch::net::accepts_gzip(request.header("accept-encoding").value_or(""));
        outcome.requests.push_back(text_of(request));
        parser.next();
      }
    }
    outcome.refused = parser.state() == State::Refused;
  }
  if (budget.taken() != 0) std::abort();
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Outcome whole = parse(bytes, std::max<size_t>(1, bytes.size()));
  const Outcome cut = parse(bytes, 1 + data[0] % 64);
  const size_t common = std::min(whole.requests.size(), cut.requests.size());
  if (!std::equal(whole.requests.begin(), whole.requests.begin() + static_cast<ptrdiff_t>(common),
                  cut.requests.begin())) {
    std::abort();
  }
  if (!whole.refused && !cut.refused && whole.requests.size() != cut.requests.size()) std::abort();
  (void)backstitch::net::parse_http_head(bytes);
  return 0;
}
