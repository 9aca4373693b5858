#include "app/lab/environment.h"

#include <fmt/format.h>
#include <map>

#include "base/duration.h"

namespace backstitch::app::lab {
namespace {

std::string latency_text(const Latency& latency) {
  const std::string median = base::exact_duration(latency.median);
  return latency.tail ? fmt::format("{}..{}", median, base::exact_duration(*latency.tail)) : median;
}

std::string upstreams_text(const Topology& topology, const Service& service, const Addresses& addresses) {
  std::string text;
  for (const std::string& name : service.upstreams) {
    const size_t place = topology.place_of(name);
    const std::string_view protocol = protocol_name(topology.services[place].protocol);
    text += fmt::format("{}{}={}://{}", text.empty() ? "" : ",", name, protocol, addresses.hosts[place]);
  }
  return text;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> environment_of(const Topology& topology, size_t service,
                                                                const Addresses& addresses) {
  const Service& one = topology.services[service];
  std::map<std::string, std::string> all = {
      {"HOST", addresses.bind_host},
      {"OTEL_EXPORTER_OTLP_ENDPOINT", addresses.otlp_endpoint},
      {"PORT", std::to_string(addresses.ports[service])},
      {"PROTOCOL", std::string(protocol_name(one.protocol))},
      {"SERVICE_NAME", one.name},
  };
  const auto say = [&all](bool differs, const char* name, std::string value) {
    all.emplace(name, differs ? std::move(value) : std::string());
  };
  say(!one.upstreams.empty(), "UPSTREAMS", upstreams_text(topology, one, addresses));
  say(one.calls_in_parallel, "CALLS", "parallel");
  say(one.latency.median != base::Duration(0) || one.latency.tail, "LATENCY", latency_text(one.latency));
  say(!one.error_code.empty(), "ERROR_CODE", one.error_code);
  say(!one.error_code.empty(), "ERROR_RATE", fmt::format("{}", one.error_rate));
  say(!one.rename_to.empty(), "RENAME_TO", one.rename_to);
  say(one.is_fail_open, "FAIL_OPEN", "true");
  say(one.timeout != base::Duration(0), "TIMEOUT", base::exact_duration(one.timeout));
  say(one.retries != 0, "RETRIES", std::to_string(one.retries));
  say(one.exposes_errors, "EXPOSE", "true");
  say(!one.trusts_callers, "TRUST", "false");
  say(topology.sample != 1, "OTEL_TRACES_SAMPLER", "parentbased_traceidratio");
  say(topology.sample != 1, "OTEL_TRACES_SAMPLER_ARG", fmt::format("{}", topology.sample));
  return {all.begin(), all.end()};
}

}  // namespace backstitch::app::lab
