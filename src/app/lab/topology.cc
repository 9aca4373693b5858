#include "app/lab/topology.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include "base/duration.h"
#include "model/error_code.h"

namespace backstitch::app::lab {
namespace {

constexpr uint64_t kRetriesMax = 10;
constexpr size_t kUpstreamsMax = 64;                        // as a service has it
constexpr base::Duration kTimeMax = std::chrono::hours(1);  // likewise

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
  using Read = void (Parser::*)(const YAML::Node& value, Service& service);
  struct Key {
    std::string_view name;
    Read read;
  };

  void mistake(const YAML::Mark& mark, std::string_view text) {
    mistakes_ += fmt::format("{}line {}: {}", mistakes_.empty() ? "" : "\n", std::max(mark.line, 0) + 1, text);
  }

  void read(const YAML::Node& root) {
    if (!root.IsMap()) return mistake(root.Mark(), "expected 'services:'");
    for (const auto& entry : root) {
      if (entry.first.Scalar() == "sample") {
        read_share(entry.second, "sample", topology_.sample);
      } else if (entry.first.Scalar() != "services") {
        mistake(entry.first.Mark(), fmt::format("unknown key '{}'; there are services, sample", entry.first.Scalar()));
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
        {"calls", &Parser::read_calls},       {"error", &Parser::read_error},
        {"expose", &Parser::read_expose},     {"fail_open", &Parser::read_fail_open},
        {"latency", &Parser::read_latency},   {"port", &Parser::read_port},
        {"protocol", &Parser::read_protocol}, {"rename", &Parser::read_rename},
        {"retries", &Parser::read_retries},   {"timeout", &Parser::read_timeout},
        {"trust", &Parser::read_trust},       {"upstreams", &Parser::read_upstreams},
    };
    if (topology_.place_of(name.Scalar()) != topology_.services.size()) {
      return mistake(name.Mark(), fmt::format("service '{}' was given before", name.Scalar()));
    }
    const bool is_plain = std::ranges::all_of(
        name.Scalar(), [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
    if (!is_plain || name.Scalar().empty() || name.Scalar().size() > 63) {
      mistake(name.Mark(), fmt::format("'{}' is no host name; take 1 to 63 of a-z, 0-9, '-'", name.Scalar()));
    }
    if (name.Scalar() == kServerName) mistake(name.Mark(), fmt::format("'{}' is the server's name", kServerName));
    Service& service = topology_.services.emplace_back();
    service.name = name.Scalar();
    marks_.push_back(name.Mark());
    says_trust_ = false;
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

  void read_calls(const YAML::Node& value, Service& service) {
    service.calls_in_parallel = is_scalar(value, "parallel");
    if (!service.calls_in_parallel && !is_scalar(value, "serial")) wrong(value, "calls", "serial or parallel");
  }

  void read_protocol(const YAML::Node& value, Service& service) {
    if (is_scalar(value, "grpc")) {
      service.protocol = Protocol::Grpc;
    } else if (!is_scalar(value, "http")) {
      wrong(value, "protocol", "http or grpc");
    }
  }

  void read_error(const YAML::Node& value, Service& service) {
    const YAML::Node code = value.IsMap() ? value["code"] : value;
    if (!code || !is_failure(code)) {
      return wrong(value, "error", "a code such as not-found, or {code: not-found, rate: 0.05}");
    }
    service.error_code = code.Scalar();
    if (!value.IsMap()) return;
    for (const auto& entry : value) {
      if (entry.first.Scalar() != "code" && entry.first.Scalar() != "rate") {
        mistake(entry.first.Mark(), fmt::format("unknown key '{}'; 'error' has code, rate", entry.first.Scalar()));
      }
    }
    if (const YAML::Node rate = value["rate"]) read_share(rate, "rate", service.error_rate);
  }

  void read_rename(const YAML::Node& value, Service& service) {
    if (!is_failure(value)) {
      return wrong(value, "rename", "a code such as not-found");
    }
    service.rename_to = value.Scalar();
  }

  // Before or after 'trust', which counts more.
  void read_expose(const YAML::Node& value, Service& service) {
    read_flag(value, "expose", service.exposes_errors);
    if (!says_trust_) service.trusts_callers = !service.exposes_errors;
  }
  void read_trust(const YAML::Node& value, Service& service) {
    read_flag(value, "trust", service.trusts_callers);
    says_trust_ = true;
  }
  void read_fail_open(const YAML::Node& value, Service& service) {
    read_flag(value, "fail_open", service.is_fail_open);
  }

  void read_latency(const YAML::Node& value, Service& service) {
    constexpr std::string_view kExpected = "a duration such as 5ms, at most 1h, or {p50: 5ms, p99: 40ms}";
    const YAML::Node median = value.IsMap() ? value["p50"] : value;
    if (!median || !read_duration(median, service.latency.median)) return wrong(value, "latency", kExpected);
    if (!value.IsMap()) return;
    base::Duration tail{0};
    const bool has_tail = static_cast<bool>(value["p99"]);
    const bool has_median = service.latency.median != base::Duration(0);
    const bool fits = !has_tail || (has_median && read_duration(value["p99"], tail) && tail >= service.latency.median);
    if (!fits || value.size() != (has_tail ? 2 : 1)) return wrong(value, "latency", kExpected);
    if (has_tail) service.latency.tail = tail;
  }

  void read_port(const YAML::Node& value, Service& service) {
    uint64_t port = 0;
    if (!read_count(value, 65535, port)) wrong(value, "port", "0 to 65535");
    service.port = static_cast<uint16_t>(port);
  }
  void read_retries(const YAML::Node& value, Service& service) {
    uint64_t retries = 0;
    if (!read_count(value, kRetriesMax, retries)) wrong(value, "retries", fmt::format("0 to {}", kRetriesMax));
    service.retries = static_cast<uint32_t>(retries);
  }
  void read_timeout(const YAML::Node& value, Service& service) {
    if (!read_duration(value, service.timeout)) wrong(value, "timeout", "a duration such as 200ms, at most 1h");
  }

  void read_upstreams(const YAML::Node& value, Service& service) {
    if (!value.IsSequence() || value.size() > kUpstreamsMax) {
      return wrong(value, "upstreams", fmt::format("a list of at most {} services", kUpstreamsMax));
    }
    for (const auto& upstream : value) {
      if (!upstream.IsScalar()) return wrong(upstream, "upstreams", "a list of services");
      service.upstreams.push_back(upstream.Scalar());
    }
  }

  void wrong(const YAML::Node& value, std::string_view key, std::string_view expected) {
    mistake(value.Mark(), fmt::format("'{}' takes {}", key, expected));
  }
  static bool is_failure(const YAML::Node& value) {
    return value.IsScalar() && model::ErrorCode::is_code(value.Scalar()) &&
           !model::ErrorCode::from_name(value.Scalar()).is_ok();
  }
  static bool is_scalar(const YAML::Node& value, std::string_view text) {
    return value.IsScalar() && value.Scalar() == text;
  }
  void read_flag(const YAML::Node& value, std::string_view key, bool& flag) {
    flag = is_scalar(value, "true");
    if (!flag && !is_scalar(value, "false")) wrong(value, key, "true or false");
  }
  void read_share(const YAML::Node& value, std::string_view key, double& out) {
    const std::string text = value.IsScalar() ? value.Scalar() : std::string();
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    const bool is_number = error == std::errc{} && end == text.data() + text.size() && !text.empty();
    if (!is_number || !(out >= 0 && out <= 1)) wrong(value, key, "0 to 1");
  }
  static bool read_duration(const YAML::Node& value, base::Duration& out) {
    const auto parsed = value.IsScalar() ? base::parse_duration(value.Scalar())
                                         : base::Result<base::Duration>(base::fail(base::Errc::InvalidArgument, ""));
    if (parsed) out = *parsed;
    return parsed && *parsed <= kTimeMax && *parsed % std::chrono::microseconds(1) == base::Duration(0);
  }
  static bool read_count(const YAML::Node& value, uint64_t most, uint64_t& out) {
    if (!value.IsScalar()) return false;
    const std::string& text = value.Scalar();
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc{} && end == text.data() + text.size() && out <= most;
  }

  void check_calls() {
    const size_t count = topology_.services.size();
    bool are_all_there = true;
    for (size_t i = 0; i < count; ++i) {
      for (const std::string& upstream : topology_.services[i].upstreams) {
        if (topology_.place_of(upstream) != count) continue;
        are_all_there = false;
        mistake(marks_[i],
                fmt::format("service '{}' calls '{}', which there is not", topology_.services[i].name, upstream));
      }
    }
    if (!are_all_there) return;
    const std::vector<size_t> ordered = topology_.callees_first();
    for (size_t i = 0; i < count && ordered.size() < count; ++i) {
      if (std::ranges::count(ordered, i) != 0) continue;
      return mistake(marks_[i], fmt::format("calls of service '{}' lead in a circle", topology_.services[i].name));
    }
  }

  Topology topology_;
  std::vector<YAML::Mark> marks_;  // of services
  std::string mistakes_;
  bool says_trust_ = false;  // the service that is read
};

}  // namespace

std::string_view protocol_name(Protocol protocol) { return protocol == Protocol::Grpc ? "grpc" : "http"; }

size_t Topology::place_of(std::string_view name) const {
  return static_cast<size_t>(std::ranges::find(services, name, &Service::name) - services.begin());
}

std::vector<size_t> Topology::roots() const {
  std::vector<bool> is_called(services.size());
  for (const Service& service : services) {
    for (const std::string& upstream : service.upstreams) is_called[place_of(upstream)] = true;
  }
  std::vector<size_t> roots;
  for (size_t i = 0; i < services.size(); ++i) {
    if (!is_called[i]) roots.push_back(i);
  }
  return roots;
}

// A service follows when all that it calls did; one in a circle, or that calls one, never does.
std::vector<size_t> Topology::callees_first() const {
  std::vector<size_t> calls_left(services.size());
  std::vector<std::vector<size_t>> callers(services.size());
  for (size_t i = 0; i < services.size(); ++i) {
    for (const std::string& upstream : services[i].upstreams) callers[place_of(upstream)].push_back(i);
    calls_left[i] = services[i].upstreams.size();
  }
  std::vector<size_t> ordered;
  for (size_t i = 0; i < services.size(); ++i) {
    if (calls_left[i] == 0) ordered.push_back(i);
  }
  for (size_t at = 0; at < ordered.size(); ++at) {
    for (const size_t caller : callers[ordered[at]]) {
      if (--calls_left[caller] == 0) ordered.push_back(caller);
    }
  }
  return ordered;
}

base::Result<Topology> parse_topology(const std::string& yaml) { return Parser().run(yaml); }

}  // namespace backstitch::app::lab
