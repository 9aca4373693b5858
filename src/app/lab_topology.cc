#include "app/lab_topology.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <map>
#include <yaml-cpp/yaml.h>

#include "app/quantity.h"
#include "base/duration.h"
#include "model/error_code.h"

namespace backstitch::app {
namespace {

constexpr uint64_t kRetriesMax = 10;
constexpr uint16_t kComposePort = 8080;

// Reads one file and gathers what is wrong with it.
class Parser {
 public:
  base::Result<Topology> run(const std::string& yaml) {
    try {
      read(YAML::Load(yaml));
      check_calls();
    } catch (const YAML::Exception& error) {
      mistake(error.mark, "this is not YAML: " + error.msg);
    }
    if (mistakes_.empty()) return std::move(topology_);
    return base::fail(base::Errc::InvalidArgument, mistakes_);
  }

 private:
  using Read = void (Parser::*)(const YAML::Node& value, LabService& service);
  struct Key {
    std::string_view name;
    Read read;
  };

  void mistake(const YAML::Mark& mark, std::string_view text) {
    mistakes_ += fmt::format("{}line {}: {}", mistakes_.empty() ? "" : "\n", mark.line + 1, text);
  }

  void read(const YAML::Node& root) {
    if (!root.IsMap()) return mistake(root.Mark(), "expected 'services:'");
    for (const auto& entry : root) {
      if (entry.first.Scalar() != "services") {
        mistake(entry.first.Mark(), fmt::format("unknown key '{}'; expected 'services'", entry.first.Scalar()));
      } else if (!entry.second.IsMap()) {
        mistake(entry.first.Mark(), "'services' takes 'name: {…}' lines");
      } else {
        for (const auto& service : entry.second) read_service(service.first, service.second);
      }
    }
    if (mistakes_.empty() && topology_.services.empty()) mistake(root.Mark(), "there are no services");
  }

  void read_service(const YAML::Node& name, const YAML::Node& keys) {
    static constexpr Key kKeys[] = {
        {"calls", &Parser::read_calls},         {"error", &Parser::read_error},     {"expose", &Parser::read_expose},
        {"fail_open", &Parser::read_fail_open}, {"latency", &Parser::read_latency}, {"port", &Parser::read_port},
        {"protocol", &Parser::read_protocol},   {"retries", &Parser::read_retries}, {"timeout", &Parser::read_timeout},
        {"upstreams", &Parser::read_upstreams},
    };
    if (topology_.place_of(name.Scalar()) != topology_.services.size()) {
      return mistake(name.Mark(), fmt::format("service '{}' was given before", name.Scalar()));
    }
    const bool is_plain = std::ranges::all_of(
        name.Scalar(), [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
    if (!is_plain || name.Scalar().empty() || name.Scalar().size() > 63) {
      mistake(name.Mark(), fmt::format("'{}' is no host name; take 1 to 63 of a-z, 0-9, '-'", name.Scalar()));
    }
    LabService& service = topology_.services.emplace_back();
    service.name = name.Scalar();
    marks_.push_back(name.Mark());
    if (keys.IsNull()) return;
    if (!keys.IsMap()) return mistake(name.Mark(), fmt::format("'{}' takes 'key: value' pairs", name.Scalar()));
    for (const auto& entry : keys) {
      const auto key = std::ranges::find(kKeys, entry.first.Scalar(), &Key::name);
      if (key == std::end(kKeys)) {
        std::string known;
        for (const Key& one : kKeys) known += fmt::format("{}{}", known.empty() ? "" : ", ", one.name);
        mistake(entry.first.Mark(), fmt::format("unknown key '{}'; a service has {}", entry.first.Scalar(), known));
      } else {
        (this->*key->read)(entry.second, service);
      }
    }
  }

  void read_calls(const YAML::Node& value, LabService& service) {
    service.calls_in_parallel = is_scalar(value, "parallel");
    if (!service.calls_in_parallel && !is_scalar(value, "serial")) wrong(value, "calls", "serial or parallel");
  }

  void read_protocol(const YAML::Node& value, LabService& service) {
    if (is_scalar(value, "grpc")) {
      service.protocol = LabProtocol::Grpc;
    } else if (!is_scalar(value, "http")) {
      wrong(value, "protocol", "http or grpc");
    }
  }

  void read_error(const YAML::Node& value, LabService& service) {
    const YAML::Node code = value.IsMap() ? value["code"] : value;
    if (!code || !code.IsScalar() || !model::ErrorCode::is_code(code.Scalar())) {
      return wrong(value, "error", "a code such as not-found, or {code: not-found, rate: 0.05}");
    }
    service.error_code = code.Scalar();
    if (!value.IsMap()) return;
    for (const auto& entry : value) {
      if (entry.first.Scalar() != "code" && entry.first.Scalar() != "rate") {
        mistake(entry.first.Mark(), fmt::format("unknown key '{}'; 'error' has code, rate", entry.first.Scalar()));
      }
    }
    const YAML::Node rate = value["rate"];
    if (!rate) return;
    const std::string text = rate.IsScalar() ? rate.Scalar() : std::string();
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), service.error_rate);
    const bool is_number = error == std::errc{} && end == text.data() + text.size();
    if (!is_number || !(service.error_rate >= 0 && service.error_rate <= 1)) wrong(rate, "rate", "0 to 1");
  }

  void read_expose(const YAML::Node& value, LabService& service) { read_flag(value, "expose", service.exposes_errors); }
  void read_fail_open(const YAML::Node& value, LabService& service) {
    read_flag(value, "fail_open", service.is_fail_open);
  }

  void read_latency(const YAML::Node& value, LabService& service) {
    constexpr std::string_view kExpected = "a duration such as 5ms, or {p50: 5ms, p99: 40ms}";
    const YAML::Node median = value.IsMap() ? value["p50"] : value;
    if (!median || !read_duration(median, service.latency.median)) return wrong(value, "latency", kExpected);
    if (!value.IsMap()) return;
    base::Duration tail{0};
    const bool has_tail = static_cast<bool>(value["p99"]);
    const bool fits = !has_tail || (read_duration(value["p99"], tail) && tail >= service.latency.median);
    if (!fits || value.size() != (has_tail ? 2 : 1)) return wrong(value, "latency", kExpected);
    if (has_tail) service.latency.tail = tail;
  }

  void read_port(const YAML::Node& value, LabService& service) {
    uint64_t port = 0;
    if (!read_count(value, 65535, port)) wrong(value, "port", "0 to 65535");
    service.port = static_cast<uint16_t>(port);
  }
  void read_retries(const YAML::Node& value, LabService& service) {
    uint64_t retries = 0;
    if (!read_count(value, kRetriesMax, retries)) wrong(value, "retries", fmt::format("0 to {}", kRetriesMax));
    service.retries = static_cast<uint32_t>(retries);
  }
  void read_timeout(const YAML::Node& value, LabService& service) {
    if (!read_duration(value, service.timeout)) wrong(value, "timeout", "a duration such as 200ms");
  }

  void read_upstreams(const YAML::Node& value, LabService& service) {
    if (!value.IsSequence()) return wrong(value, "upstreams", "a list of services");
    for (const auto& upstream : value) {
      if (!upstream.IsScalar()) return wrong(upstream, "upstreams", "a list of services");
      service.upstreams.push_back(upstream.Scalar());
    }
  }

  void wrong(const YAML::Node& value, std::string_view key, std::string_view expected) {
    mistake(value.Mark(), fmt::format("'{}' takes {}", key, expected));
  }
  static bool is_scalar(const YAML::Node& value, std::string_view text) {
    return value.IsScalar() && value.Scalar() == text;
  }
  void read_flag(const YAML::Node& value, std::string_view key, bool& flag) {
    flag = is_scalar(value, "true");
    if (!flag && !is_scalar(value, "false")) wrong(value, key, "true or false");
  }
  static bool read_duration(const YAML::Node& value, base::Duration& out) {
    const auto parsed = value.IsScalar() ? base::parse_duration(value.Scalar())
                                         : base::Result<base::Duration>(base::fail(base::Errc::InvalidArgument, ""));
    if (parsed) out = *parsed;
    return parsed.has_value();
  }
  static bool read_count(const YAML::Node& value, uint64_t most, uint64_t& out) {
    if (!value.IsScalar()) return false;
    const auto parsed = parse_count(value.Scalar());
    if (parsed) out = std::min(*parsed, most);
    return parsed && *parsed <= most;
  }

  // Each upstream is there and no call comes back to its caller: a service is done when all that it calls are, and
  // what is never done is in a circle or calls one.
  void check_calls() {
    const std::vector<LabService>& services = topology_.services;
    std::vector<size_t> calls_left(services.size());
    std::vector<std::vector<size_t>> callers(services.size());
    for (size_t i = 0; i < services.size(); ++i) {
      for (const std::string& upstream : services[i].upstreams) {
        const size_t called = topology_.place_of(upstream);
        if (called == services.size()) {
          mistake(marks_[i], fmt::format("service '{}' calls '{}', which there is not", services[i].name, upstream));
          continue;
        }
        callers[called].push_back(i);
        ++calls_left[i];
      }
    }
    std::vector<size_t> done;
    for (size_t i = 0; i < services.size(); ++i) {
      if (calls_left[i] == 0) done.push_back(i);
    }
    for (size_t at = 0; at < done.size(); ++at) {
      for (const size_t caller : callers[done[at]]) {
        if (--calls_left[caller] == 0) done.push_back(caller);
      }
    }
    const auto circular = std::ranges::find_if(calls_left, [](size_t left) { return left != 0; });
    if (circular == calls_left.end()) return;
    const auto place = static_cast<size_t>(circular - calls_left.begin());
    mistake(marks_[place], fmt::format("calls of service '{}' lead in a circle", services[place].name));
  }

  Topology topology_;
  std::vector<YAML::Mark> marks_;  // of services
  std::string mistakes_;
};

std::string_view protocol_name(LabProtocol protocol) { return protocol == LabProtocol::Grpc ? "grpc" : "http"; }

std::string latency_text(const LabLatency& latency) {
  const std::string median = duration_text(latency.median);
  return latency.tail ? fmt::format("{}..{}", median, duration_text(*latency.tail)) : median;
}

}  // namespace

size_t Topology::place_of(std::string_view name) const {
  return static_cast<size_t>(std::ranges::find(services, name, &LabService::name) - services.begin());
}

std::vector<size_t> Topology::roots() const {
  std::vector<bool> is_called(services.size());
  for (const LabService& service : services) {
    for (const std::string& upstream : service.upstreams) is_called[place_of(upstream)] = true;
  }
  std::vector<size_t> roots;
  for (size_t i = 0; i < services.size(); ++i) {
    if (!is_called[i]) roots.push_back(i);
  }
  return roots;
}

base::Result<Topology> parse_topology(const std::string& yaml) { return Parser().run(yaml); }

std::vector<std::pair<std::string, std::string>> lab_environment(const Topology& topology, size_t service,
                                                                 const LabAddresses& addresses) {
  const LabService& one = topology.services[service];
  std::string upstreams;
  for (const std::string& name : one.upstreams) {
    const size_t place = topology.place_of(name);
    upstreams += fmt::format("{}{}={}://{}", upstreams.empty() ? "" : ",", name,
                             protocol_name(topology.services[place].protocol), addresses.hosts[place]);
  }
  const std::string& host = addresses.hosts[service];
  const auto flag = [](bool is_set) { return std::string(is_set ? "true" : "false"); };
  std::map<std::string, std::string> all = {
      {"CALLS", one.calls_in_parallel ? "parallel" : "serial"},
      {"ERROR_CODE", one.error_code},
      {"ERROR_RATE", fmt::format("{}", one.error_code.empty() ? 0.0 : one.error_rate)},
      {"EXPOSE", flag(one.exposes_errors)},
      {"FAIL_OPEN", flag(one.is_fail_open)},
      {"LATENCY", latency_text(one.latency)},
      {"OTEL_EXPORTER_OTLP_ENDPOINT", addresses.otlp_endpoint},
      {"PORT", host.substr(host.rfind(':') + 1)},
      {"PROTOCOL", std::string(protocol_name(one.protocol))},
      {"RETRIES", fmt::format("{}", one.retries)},
      {"SERVICE_NAME", one.name},
      {"TIMEOUT", duration_text(one.timeout)},
      {"UPSTREAMS", upstreams},
  };
  std::erase_if(all, [](const auto& variable) { return variable.second.empty(); });
  return {all.begin(), all.end()};
}

std::string to_compose(const Topology& topology, const std::string& dockerfile) {
  LabAddresses addresses{.hosts = {}, .otlp_endpoint = "http://backstitch:4318"};
  for (const LabService& service : topology.services) {
    addresses.hosts.push_back(fmt::format("{}:{}", service.name, kComposePort));
  }
  // Names and values are plain words, numbers and addresses: a quoted JSON string is YAML.
  std::string out = "services:\n";
  const std::vector<size_t> roots = topology.roots();
  for (size_t i = 0; i < topology.services.size(); ++i) {
    const LabService& service = topology.services[i];
    out += fmt::format("  {}:\n    build: {{context: ., dockerfile: \"{}\"}}\n    environment:\n", service.name,
                       dockerfile);
    for (const auto& [name, value] : lab_environment(topology, i, addresses)) {
      out += fmt::format("      {}: \"{}\"\n", name, value);
    }
    if (!service.upstreams.empty()) out += "    depends_on:\n";
    for (const std::string& upstream : service.upstreams) out += fmt::format("      - {}\n", upstream);
    if (std::ranges::count(roots, i) != 0) out += fmt::format("    ports: [\"{}\"]\n", kComposePort);
  }
  return out;
}

}  // namespace backstitch::app
