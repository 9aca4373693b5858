// What tests of error trees share; and services in one process that answer each other: what one writes into a carrier,
// the other reads from it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "backstitch/inbound.h"
#include "backstitch/outbound.h"
#include "src/sdk_testing.h"
#include "wire/error_tree/binary.h"
#include "wire/error_tree/json.h"

namespace backstitch::sdk {

inline constexpr Listener kUntrusted{};
inline constexpr Listener kTrusted{true};
inline constexpr Listener kExposed{false, true};

// What root answers in the specification's example.
inline constexpr std::string_view kDrift =
    R"({"service":"root","status":"error","code":"not-found","error":"an upstream dependency failed in service )"
    R"(service-b","children":[{"service":"service-b","status":"error","code":"not-found","error":"[DRIFT: )"
    R"(permission-denied -> not-found] an upstream dependency failed in service service-b","children":[{"service":)"
    R"("service-e","status":"error","code":"permission-denied","error":"an error occurred in service service-e"}]}]})";

// Trusts services at these ports of this machine.
inline MiddlewareOptions trusting(const std::vector<std::pair<int, std::string>>& services) {
  MiddlewareOptions options;
  for (const auto& [port, name] : services) options.hosts.push_back({"127.0.0.1:" + std::to_string(port), name, true});
  return options;
}

using Headers = std::vector<std::pair<std::string, std::string>>;

class HeadersWriter final : public TextMapWriter {
 public:
  explicit HeadersWriter(Headers& headers) : headers_(headers) {}
  void set(std::string_view name, std::string_view value) override {
    std::erase_if(headers_, [&](const auto& one) { return one.first == name; });
    headers_.emplace_back(name, value);
  }

 private:
  Headers& headers_;
};

inline std::string value_of(const Headers& headers, std::string_view name) {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return "(absent)";
}

// Time that stands still until the test moves it.
struct FakeClock {
  std::shared_ptr<std::atomic<int64_t>> nanos = std::make_shared<std::atomic<int64_t>>(3'600'000'000'000);

  std::function<std::chrono::steady_clock::time_point()> reader() const {
    return [nanos = nanos] { return std::chrono::steady_clock::time_point(std::chrono::nanoseconds(nanos->load())); };
  }
  void advance(std::chrono::nanoseconds by) const { nanos->fetch_add(by.count()); }
};

inline TracerProviderOptions sampled_at(std::shared_ptr<const Sampler> sampler) {
  TracerProviderOptions options;
  options.sampler = std::move(sampler);
  return options;
}

// Trusts whoever is called "b", "e" or ends in ".trusted".
struct Service {
  Traced traced;
  Middleware middleware;

  explicit Service(std::string name, MiddlewareOptions options = {}, TracerProviderOptions tracing = {})
      : traced(std::move(tracing), std::move(name)) {
    options.hosts.push_back({"b", "service-b", true});
    options.hosts.push_back({"e", "service-e", true});
    options.hosts.push_back({"*.trusted", "", true});
    middleware = Middleware(*traced.provider, std::move(options));
  }
  InboundRequest serve(const Headers& headers, const Listener& listener = {true},
                       std::string_view operation = {}) const {
    return InboundRequest(middleware, listener, fields(headers), {operation});
  }
  OutboundCall call(std::string_view host, const Context& parent,
                    std::optional<std::chrono::nanoseconds> timeout = {}) const {
    return OutboundCall(middleware, {"GET /", host, 80, Protocol::Http, timeout, &parent});
  }
  uint64_t count(std::string_view name, std::string_view reason = {}) const {
    return middleware.count("backstitch_" + std::string(name), reason);
  }
};

inline Headers answer_of(const ErrorTreeHeader& header) {
  return header ? Headers{{header.name, header.value}} : Headers();
}

// One attempt, answered as `answer` has it.
inline void answer_call(const Service& from, std::string_view host, const Context& parent, const ErrorCode& code,
                        const Headers& answer) {
  OutboundCall call = from.call(host, parent);
  Headers headers;
  if (call.start_attempt(HeadersWriter(headers))) call.answered(code, fields(answer));
}

// The tree in an event backstitch.error_tree, as JSON; and its other attributes.
struct SeenEvent {
  std::string tree = "(absent)";
  std::optional<int64_t> lateness_ns;
  std::optional<bool> is_committed;
};
inline SeenEvent event_of(const model::Span& span) {
  SeenEvent seen;
  for (const model::Event& event : span.events) {
    if (event.name != "backstitch.error_tree") continue;
    const auto* const tree = find(event.attributes, "tree");
    seen.tree =
        wire::error_tree::encode_json(wire::error_tree::decode_binary(tree->as<model::Bytes>()->data).value().tree);
    if (const auto* late = find(event.attributes, "backstitch.lateness_ns")) seen.lateness_ns = *late->as<int64_t>();
    if (const auto* side = find(event.attributes, "backstitch.committed")) seen.is_committed = *side->as<bool>();
  }
  return seen;
}

}  // namespace backstitch::sdk
