// What does one hot function do, and nothing else? tools/instructions runs this program under callgrind, with two
// counts of rounds: their difference is what the function costs, without the making of its input.
//
//   hot_functions FUNCTION ROUNDS    prints "spans N requests N allocations N checksum N"; FUNCTION: see kFunctions.
//                                    What the SDK does counts each span, and each request that it serves, as a request.
//   hot_functions --compiler         prints the compiler that instruction counts depend on
#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "assemble/open_traces.h"
#include "backstitch/inbound.h"
#include "backstitch/outbound.h"
#include "backstitch/sdk.h"
#include "base/counted_allocations_testing.h"
#include "bench/walk_yardstick.h"
#include "ingest/span_counter.h"
#include "wire/otlp/splice.h"
#include "wire/otlp/walk.h"

namespace backstitch::bench {
namespace {

constexpr uint64_t kSpans = 2'000;
constexpr uint32_t kRequestSpans = 180;

// What cannot be, with this input.
[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "hot_functions: %s\n", what);
  std::exit(1);
}

// Where a trace's spans lie in one request.
struct Part {
  size_t request = 0;
  uint32_t trace_index = 0;
};

struct Input {
  Corpus corpus;
  std::vector<model::RequestDigest> digests;
  std::map<model::TraceId, std::vector<Part>> traces;
  uint64_t checksum = 0;  // of what the functions made: keeps the compiler from leaving anything out
};

Input make_input() {
  Input input;
  input.corpus = make_corpus(kSpans, kRequestSpans);
  wire::otlp::Walker walker({}, {});
  for (size_t i = 0; i < input.corpus.requests.size(); ++i) {
    model::RequestDigest& digest = input.digests.emplace_back();
    if (!walker.walk(input.corpus.requests[i], digest)) fail("the walk refused a request");
    for (uint32_t trace = 0; trace < digest.traces.size(); ++trace) {
      input.traces[digest.traces[trace].id].push_back({i, trace});
    }
  }
  return input;
}

void yardstick(Input& input, uint64_t rounds) {
  for (uint64_t round = 0; round < rounds; ++round) {
    for (const std::string& request : input.corpus.requests) input.checksum += walk_every_field(request);
  }
}

// Returns how many values were masked. They are masked in the first round, and stay as they are after it.
uint64_t walk_with(Input& input, uint64_t rounds, std::vector<std::string> redact) {
  wire::otlp::Walker walker({.attributes = {}, .redact = std::move(redact)}, {});
  model::RequestDigest digest;
  uint64_t masked_values = 0;
  for (uint64_t round = 0; round < rounds; ++round) {
    for (std::string& request : input.corpus.requests) {
      const auto walked = walker.walk(request, digest);
      if (!walked) fail("the walk refused a request");
      input.checksum += digest.spans.size();
      masked_values += walked->masked_values;
    }
  }
  return masked_values;
}

void walk(Input& input, uint64_t rounds) {
  if (walk_with(input, rounds, {}) != 0) fail("a value was masked");
}

// The defaults, and patterns that fit keys of this input, so that there is something to mask.
void walk_redact(Input& input, uint64_t rounds) {
  std::vector<std::string> patterns = model::default_redact_patterns();
  patterns.insert(patterns.end(), {"url", "querytext"});
  if (walk_with(input, rounds, std::move(patterns)) < rounds * kSpans / 4) fail("too few values were masked");
}

void splice(Input& input, uint64_t rounds) {
  for (uint64_t round = 0; round < rounds; ++round) {
    for (const auto& [id, parts] : input.traces) {
      wire::otlp::TraceSplicer splicer;
      for (const Part& part : parts) {
        const model::RequestDigest& digest = input.digests[part.request];
        const model::TraceDigest& trace = digest.traces[part.trace_index];
        splicer.add(digest, input.corpus.requests[part.request], trace.first_span, trace.span_count);
      }
      input.checksum += splicer.finish().size();
    }
  }
}

// All traces come, are taken to be sealed, and go.
void open_traces(Input& input, uint64_t rounds) {
  std::vector<assemble::ShardRecord> records(input.digests.size());
  for (size_t i = 0; i < records.size(); ++i) {
    for (uint32_t trace = 0; trace < input.digests[i].traces.size(); ++trace) {
      records[i].parts.push_back({input.digests[i].traces[trace], trace});
    }
  }
  assemble::OpenTraces open({});
  uint64_t sequence = 0;
  for (uint64_t round = 0; round < rounds; ++round) {
    const base::Duration now = std::chrono::minutes(round);
    for (assemble::ShardRecord& record : records) {
      ++sequence;
      record.at = {.position = {.segment = sequence, .offset = 0}, .sequence = sequence};
      open.add(record, now);
    }
    const auto due = open.take_due(now + std::chrono::seconds(30), {UINT64_MAX});
    if (due.size() != input.traces.size()) fail("not every trace was due");
    open.sealed(due);
  }
  input.checksum += open.counts().memory_bytes;
}

// Written beside the payload, and read back to seal.
void digest(Input& input, uint64_t rounds) {
  std::string bytes;
  for (uint64_t round = 0; round < rounds; ++round) {
    for (size_t i = 0; i < input.digests.size(); ++i) {
      bytes.clear();
      input.digests[i].encode(bytes);
      const auto read = model::RequestDigest::decode(bytes, input.corpus.requests[i].size());
      if (!read) fail("a digest did not come back");
      input.checksum += read->spans.size();
    }
  }
}

// What the ledger of spans costs where a request was received.
void span_metrics(Input& input, uint64_t rounds) {
  ingest::SpanCounter counter({});
  for (uint64_t round = 0; round < rounds; ++round) {
    for (size_t i = 0; i < input.digests.size(); ++i) counter.count(input.digests[i], input.corpus.requests[i]);
  }
  input.checksum += counter.metrics().size();
}

// And where traces were decided: all of them dropped, in one batch.
void service_graph(Input& input, uint64_t rounds) {
  for (uint64_t round = 0; round < rounds; ++round) {
    ingest::DecidedTraces batch(input.traces.size(), {});
    size_t place = 0;
    for (const auto& [id, parts] : input.traces) {
      for (const Part& part : parts) {
        const model::RequestDigest& digest = input.digests[part.request];
        batch.add(place, digest, digest.traces[part.trace_index], input.corpus.requests[part.request],
                  /*is_kept=*/false);
      }
      ++place;
    }
    batch.finish();
    input.checksum += batch.graph().size();
  }
}

// The program's side of a span: what the exporter's thread does is left out, since threads take turns as they like.
std::shared_ptr<sdk::TracerProvider> provider_with(std::shared_ptr<const sdk::Sampler> sampler) {
  sdk::TracerProviderOptions options;
  options.resource.emplace_back("service.name", "bench");
  options.has_exporter = false;
  options.sampler = std::move(sampler);
  return sdk::TracerProvider::create(std::move(options));
}

void sdk_span_with(uint64_t rounds, std::shared_ptr<const sdk::Sampler> sampler) {
  const auto provider = provider_with(std::move(sampler));
  const sdk::Tracer tracer = provider->get_tracer("bench");
  for (uint64_t i = 0; i < rounds * kSpans; ++i) {
    sdk::Span span = tracer.start_span("GET /cart/{id}", {sdk::SpanKind::Server,
                                                          {{"http.request.method", "GET"},
                                                           {"http.route", "/cart/{id}"},
                                                           {"http.response.status_code", 200},
                                                           {"url.scheme", "https"},
                                                           {"server.port", 8443}}});
    span.end();
  }
}
void sdk_span(Input&, uint64_t rounds) { sdk_span_with(rounds, sdk::parent_based(sdk::always_on())); }
void sdk_dropped(Input&, uint64_t rounds) { sdk_span_with(rounds, sdk::parent_based(sdk::always_off())); }

// Attributes set one by one.
void sdk_span_set(Input&, uint64_t rounds) {
  const auto provider = provider_with(sdk::parent_based(sdk::always_on()));
  const sdk::Tracer tracer = provider->get_tracer("bench");
  for (uint64_t i = 0; i < rounds * kSpans; ++i) {
    sdk::Span span = tracer.start_span("GET /cart/{id}");
    span.set_attribute("http.request.method", "GET");
    span.set_attribute("http.route", "/cart/{id}");
    span.set_attribute("http.response.status_code", 200);
    span.set_attribute("url.scheme", "https");
    span.set_attribute("server.port", 8443);
    span.end();
  }
}

using Headers = std::vector<std::pair<std::string_view, std::string_view>>;

// Counts what it is told.
class HeaderCount final : public sdk::TextMapWriter {
 public:
  explicit HeaderCount(uint64_t& bytes) : bytes_(bytes) {}
  void set(std::string_view name, std::string_view value) override { bytes_ += name.size() + value.size(); }

 private:
  uint64_t& bytes_;
};

// A request between services that trust each other, which makes one call; nothing fails, nothing is sampled.
void sdk_request(Input& input, uint64_t rounds) {
  const auto provider = provider_with(sdk::parent_based(sdk::always_on()));
  sdk::MiddlewareOptions options;
  options.hosts = {{"stock:8080", "stock", /*is_trusted=*/true}};
  const sdk::Middleware middleware(*provider, options);
  sdk::Listener inside;
  inside.is_trusted = true;
  const Headers request = {{"Accept", "application/json"},
                           {"Host", "cart:8080"},
                           {"User-Agent", "shop/1.0"},
                           {"X-Forwarded-For", "10.3.1.17"},
                           {"X-Request-Id", "3f1c1a52-8f0e-4b2c-9a45-0d2f5a0c1e77"},
                           {"traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"},
                           {"x-error-tree-accept", "bin, json"}};
  const Headers answer = {{"Content-Length", "93"}, {"Content-Type", "application/json"}};
  for (uint64_t i = 0; i < rounds * kSpans; ++i) {
    sdk::InboundRequest inbound(middleware, inside, sdk::fields(request), {"GET /cart/{id}"});
    {
      const sdk::Scope scope(inbound.context());
      sdk::OutboundCall call(middleware, {"GET /stock/{id}", "stock", 8080});
      if (!call.start_attempt(HeaderCount(input.checksum))) fail("a call found no time");
      call.answered(sdk::ErrorCode::from_http(200), sdk::fields(answer));
    }
    if (inbound.finish(sdk::ErrorCode::from_http(200))) fail("a request without a failure has a tree");
    inbound.end(/*is_delivered=*/true);
  }
}

struct Function {
  std::string_view name;
  void (*run)(Input&, uint64_t rounds);
  bool is_sdk = false;  // each span is a request
};
constexpr std::array kFunctions = {
    Function{"yardstick", yardstick},
    Function{"walk", walk},
    Function{"walk_redact", walk_redact},
    Function{"splice", splice},
    Function{"open_traces", open_traces},
    Function{"digest", digest},
    Function{"span_metrics", span_metrics},
    Function{"service_graph", service_graph},
    Function{"sdk_span", sdk_span, /*is_sdk=*/true},
    Function{"sdk_span_set", sdk_span_set, /*is_sdk=*/true},
    Function{"sdk_dropped", sdk_dropped, /*is_sdk=*/true},
    Function{"sdk_request", sdk_request, /*is_sdk=*/true},
};

int run(std::string_view name, std::string_view rounds_text) {
  uint64_t rounds = 0;
  const auto [end, error] = std::from_chars(rounds_text.begin(), rounds_text.end(), rounds);
  if (error != std::errc() || end != rounds_text.end()) return 2;
  for (const Function& function : kFunctions) {
    if (function.name != name) continue;
    Input input = function.is_sdk ? Input() : make_input();
    base::allocations = 0;
    function.run(input, rounds);
    std::printf("spans %llu requests %zu allocations %llu checksum %llu\n",
                static_cast<unsigned long long>(function.is_sdk ? kSpans : input.corpus.span_count),
                function.is_sdk ? kSpans : input.corpus.requests.size(),
                static_cast<unsigned long long>(base::allocations), static_cast<unsigned long long>(input.checksum));
    return 0;
  }
  return 2;
}

}  // namespace
}  // namespace backstitch::bench

int main(int count, char** arguments) {
  using namespace std::string_view_literals;
  if (count == 2 && arguments[1] == "--compiler"sv) {
    std::puts("compiler " __VERSION__);
    return 0;
  }
  const int code = count == 3 ? backstitch::bench::run(arguments[1], arguments[2]) : 2;
  if (code == 2) std::fputs("usage: hot_functions FUNCTION ROUNDS | --compiler\n", stderr);
  return code;
}
