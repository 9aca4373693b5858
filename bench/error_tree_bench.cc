// What does an error tree of 12 nodes cost to encode and decode, in protobuf and JSON, against nlohmann-json?
#include <benchmark/benchmark.h>
#include <nlohmann/json.hpp>

#include "base/counted_allocations_testing.h"
#include "wire/error_tree/binary.h"
#include "wire/error_tree/compose.h"
#include "wire/error_tree/header.h"
#include "wire/error_tree/json.h"
#include "wire/error_tree/shrink.h"

namespace backstitch::bench {
namespace {

using model::ErrorCode;
using model::ErrorTree;
using namespace wire::error_tree;

constexpr size_t kNodes = 12;

// A failing path of six services, each of the upper ones with successful siblings, as a lab run gives them.
ErrorTree make_tree() {
  ErrorTree tree;
  constexpr uint16_t kDepths[kNodes] = {0, 1, 1, 2, 2, 2, 3, 3, 4, 4, 5, 1};
  constexpr bool kFails[kNodes] = {true, false, true, false, true, false, true, false, true, false, true, false};
  for (size_t i = 0; i < kNodes; ++i) {
    const std::string service = "service-" + std::to_string(i);
    const std::string error = kFails[i] ? "an upstream dependency failed in service service-8" : "";
    model::SpanId id;
    id.bytes.fill(static_cast<uint8_t>(i + 1));
    tree.add({.service = service,
              .operation = "GET /api/v1/items",
              .code = kFails[i] ? ErrorCode::from_name("not-found") : ErrorCode(),
              .error = error,
              .depth = kDepths[i],
              .duration = std::chrono::microseconds(1000 * (kNodes - i)),
              .span_id = id});
  }
  return tree;
}

// Counts allocations of the measured loop, and says so once per iteration.
class Run {
 public:
  explicit Run(benchmark::State& state) : state_(state), before_(base::allocations) {}
  ~Run() {
    state_.counters["allocations"] =
        static_cast<double>(base::allocations - before_) / static_cast<double>(state_.iterations());
  }

 private:
  benchmark::State& state_;
  const uint64_t before_;
};

void binary(benchmark::State& state) {
  const ErrorTree tree = make_tree();
  const Run run(state);
  for (auto _ : state) {
    const auto decoded = decode_binary(encode_binary(tree));
    if (!decoded || decoded->tree.size() != kNodes) state.SkipWithError("wrong tree");
  }
  state.counters["bytes"] = static_cast<double>(encode_binary(tree).size());
}
BENCHMARK(binary);

void binary_encode(benchmark::State& state) {
  const ErrorTree tree = make_tree();
  const Run run(state);
  for (auto _ : state) benchmark::DoNotOptimize(encode_binary(tree));
}
BENCHMARK(binary_encode);

void binary_decode(benchmark::State& state) {
  const std::string bytes = encode_binary(make_tree());
  const Run run(state);
  for (auto _ : state) benchmark::DoNotOptimize(decode_binary(bytes));
}
BENCHMARK(binary_decode);

void json(benchmark::State& state) {
  const ErrorTree tree = make_tree();
  const Run run(state);
  for (auto _ : state) {
    const auto decoded = decode_json(encode_json(tree));
    if (!decoded || decoded->tree.size() != kNodes) state.SkipWithError("wrong tree");
  }
  state.counters["bytes"] = static_cast<double>(encode_json(tree).size());
}
BENCHMARK(json);

using Library = nlohmann::ordered_json;

Library to_library(const ErrorTree& tree, size_t& at) {
  const model::ErrorNode node = tree.node(at++);
  Library object = {
      {"service", node.service}, {"status", node.is_failing() ? "error" : "ok"}, {"code", node.code.name()}};
  if (!node.error.empty()) object["error"] = node.error;
  while (at < tree.size() && tree.depth(at) > node.depth) object["children"].push_back(to_library(tree, at));
  return object;
}

void from_library(const Library& object, uint16_t depth, ErrorTree& tree) {
  tree.add({.service = object["service"].get_ref<const std::string&>(),
            .code = ErrorCode::from_name(object["code"].get_ref<const std::string&>()),
            .error = object.contains("error") ? object["error"].get_ref<const std::string&>() : "",
            .depth = depth});
  if (!object.contains("children")) return;
  for (const Library& child : object["children"]) from_library(child, static_cast<uint16_t>(depth + 1), tree);
}

// The same tree as JSON and back, as an SDK without a codec of its own would do it.
void nlohmann_json(benchmark::State& state) {
  const ErrorTree tree = make_tree();
  const Run run(state);
  for (auto _ : state) {
    size_t at = 0;
    const std::string text = to_library(tree, at).dump(-1, ' ', true);
    ErrorTree decoded;
    from_library(Library::parse(text), 0, decoded);
    if (decoded.size() != kNodes) state.SkipWithError("wrong tree");
  }
}
BENCHMARK(nlohmann_json);

// One hop of a failure: read the child's header, compose, make it fit, write the own header.
void hop(benchmark::State& state) {
  const std::string header = to_header(encode_binary(make_tree()));
  const std::string_view values[] = {header};
  const Run run(state);
  for (auto _ : state) {
    const Answer answer = read_answer({.protocol = Protocol::Http, .binary = values, .json = {}});
    const Attempt attempts[] = {
        {.service = "service-0", .code = ErrorCode::from_http(404), .tree = &answer.decoded->tree}};
    const auto tree = compose({.service = "root", .code = ErrorCode::from_http(500)}, attempts);
    benchmark::DoNotOptimize(to_header(encode_to_fit(*tree, Encoding::Binary)->value));
  }
}
BENCHMARK(hop);

}  // namespace
}  // namespace backstitch::bench
