// What does one hot function do, and nothing else? tools/instructions runs this program under callgrind, with two
// counts of rounds: their difference is what the function costs, without the making of its input.
//
//   hot_functions FUNCTION ROUNDS    prints "spans N requests N allocations N checksum N"; FUNCTION: see kFunctions
//   hot_functions --compiler         prints the compiler that instruction counts depend on
#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string_view>

#include "assemble/open_traces.h"
#include "base/counted_allocations_testing.h"
#include "bench/walk_yardstick.h"
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
  Corpus corpus = make_corpus(kSpans, kRequestSpans);
  std::vector<model::RequestDigest> digests;
  std::map<model::TraceId, std::vector<Part>> traces;
  uint64_t checksum = 0;  // of what the functions made: keeps the compiler from leaving anything out
};

Input make_input() {
  Input input;
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

struct Function {
  std::string_view name;
  void (*run)(Input&, uint64_t rounds);
};
constexpr std::array kFunctions = {
    Function{"yardstick", yardstick},     Function{"walk", walk},
    Function{"walk_redact", walk_redact}, Function{"splice", splice},
    Function{"open_traces", open_traces}, Function{"digest", digest},
};

int run(std::string_view name, std::string_view rounds_text) {
  uint64_t rounds = 0;
  const auto [end, error] = std::from_chars(rounds_text.begin(), rounds_text.end(), rounds);
  if (error != std::errc() || end != rounds_text.end()) return 2;
  for (const Function& function : kFunctions) {
    if (function.name != name) continue;
    Input input = make_input();
    base::allocations = 0;
    function.run(input, rounds);
    std::printf("spans %llu requests %zu allocations %llu checksum %llu\n",
                static_cast<unsigned long long>(input.corpus.span_count), input.corpus.requests.size(),
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
