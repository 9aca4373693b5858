#include "lab/service/settings.h"

#include <charconv>
#include <string_view>
#include <utility>

#include "lab/service/spelling.h"

namespace backstitch::lab {
namespace {

constexpr std::string_view kCodeExpected = R"(a code such as "not-found" or a custom one such as "payment.declined")";
constexpr std::string_view kBoolExpected = "true or false";
constexpr std::string_view kDurations = R"(a number and us, ms, s, m or h, at most 1h: "5ms")";

std::string quoted(std::string_view text) { return '"' + std::string(text) + '"'; }

// Reads variables one by one, and remembers what was wrong with them.
class Reader {
 public:
  explicit Reader(const Environment& environment) : environment_(environment) {}

  // Leaves `into` as it is where the variable isn't set. `parse` makes an optional of text.
  template <typename T, typename Parse>
  void read(const std::string& name, std::string_view expected, T& into, Parse parse) {
    const std::string text = environment_(name);
    if (text.empty()) return;
    if (auto value = parse(std::string_view(text))) {
      into = std::move(*value);
    } else {
      add(name + " is " + quoted(text) + "; expected " + std::string(expected));
    }
  }
  std::string text(const std::string& name) const { return environment_(name); }
  void add(std::string mistake) { mistakes_.push_back(std::move(mistake)); }
  std::expected<Settings, Mistakes> finish(Settings settings) {
    if (!mistakes_.empty()) return std::unexpected(std::move(mistakes_));
    return settings;
  }

 private:
  const Environment& environment_;
  Mistakes mistakes_;
};

std::optional<sdk::Protocol> parse_protocol(std::string_view text) {
  if (text == "http") return sdk::Protocol::Http;
  if (text == "grpc") return sdk::Protocol::Grpc;
  return std::nullopt;
}

std::optional<bool> parse_calls(std::string_view text) {
  if (text == "parallel") return true;
  if (text == "serial") return false;
  return std::nullopt;
}

std::optional<double> parse_rate(std::string_view text) {
  double rate = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), rate);
  const bool is_number = error == std::errc{} && stop == text.data() + text.size();
  if (!is_number || !(rate >= 0 && rate <= 1)) return std::nullopt;
  return rate;
}

std::optional<Latency> parse_latency(std::string_view text) {
  const size_t dots = text.find("..");
  const auto median = parse_duration(text.substr(0, dots));
  if (!median) return std::nullopt;
  if (dots == std::string_view::npos) return Latency{*median, *median};
  const auto p99 = parse_duration(text.substr(dots + 2));
  if (!p99 || *p99 < *median || median->count() == 0) return std::nullopt;
  return Latency{*median, *p99};
}

std::optional<std::chrono::nanoseconds> parse_timeout(std::string_view text) {
  const auto timeout = parse_duration(text);
  if (!timeout || timeout->count() == 0) return std::nullopt;
  return timeout;
}

std::optional<std::string> parse_host(std::string_view text) {
  const auto url = parse_url(
      "http://" + (text.find(':') == std::string_view::npos ? std::string(text) : "[" + std::string(text) + "]"));
  if (!url || !url->path.empty()) return std::nullopt;
  return std::string(text);
}

std::optional<uint16_t> parse_port(std::string_view text) {
  const auto port = parse_number(text, 65'535);
  if (!port) return std::nullopt;
  return static_cast<uint16_t>(*port);
}

std::optional<UpstreamSettings> parse_upstream(std::string_view entry) {
  const size_t equals = entry.find('=');
  if (equals == std::string_view::npos || !is_service_name(entry.substr(0, equals))) return std::nullopt;
  const auto url = parse_url(entry.substr(equals + 1));
  const auto protocol = url ? parse_protocol(url->scheme) : std::nullopt;
  if (!protocol || url->port == 0 || !url->path.empty()) return std::nullopt;
  return UpstreamSettings{std::string(entry.substr(0, equals)), *protocol, {url->host, url->port}};
}

std::vector<UpstreamSettings> read_upstreams(Reader& reader) {
  std::vector<UpstreamSettings> upstreams;
  const std::string text = reader.text("UPSTREAMS");
  for (size_t from = 0; from < text.size() || (from == text.size() && text.ends_with(','));) {
    const size_t comma = std::min(text.find(',', from), text.size());
    const std::string_view entry = std::string_view(text).substr(from, comma - from);
    from = comma + 1;
    if (auto upstream = parse_upstream(entry)) {
      upstreams.push_back(std::move(*upstream));
    } else {
      reader.add("UPSTREAMS has " + quoted(entry) + "; expected NAME=http://HOST:PORT or NAME=grpc://HOST:PORT");
    }
  }
  if (upstreams.size() > kUpstreamsMax) {
    reader.add("UPSTREAMS has " + std::to_string(upstreams.size()) + " entries; expected at most " +
               std::to_string(kUpstreamsMax));
  }
  return upstreams;
}

void read_name(Reader& reader, Settings& settings) {
  reader.read(
      "SERVICE_NAME", "visible ASCII without ',' and '=', at most 128 characters", settings.service_name,
      [](std::string_view text) { return is_service_name(text) ? std::optional(std::string(text)) : std::nullopt; });
}

void read_address(Reader& reader, Settings& settings) {
  reader.read("HOST", R"(a name or an address without brackets: "127.0.0.1", "::1")", settings.listen.host, parse_host);
  reader.read("PORT", "a number from 0 to 65535", settings.listen.port, parse_port);
}

void read_failures(Reader& reader, Settings& settings) {
  reader.read("ERROR_CODE", kCodeExpected, settings.error_code, parse_failure);
  reader.read("ERROR_RATE", "a number from 0 to 1", settings.error_rate, parse_rate);
  reader.read("RENAME_TO", kCodeExpected, settings.rename_to, parse_failure);
  reader.read("FAIL_OPEN", kBoolExpected, settings.fails_open, parse_bool);
}

}  // namespace

std::expected<Settings, Mistakes> read_settings(const Environment& environment) {
  Reader reader(environment);
  Settings settings;
  if (reader.text("SERVICE_NAME").empty()) reader.add("SERVICE_NAME is not set; expected the service's name");
  read_name(reader, settings);
  read_address(reader, settings);
  reader.read("PROTOCOL", "http or grpc", settings.protocol, parse_protocol);
  settings.upstreams = read_upstreams(reader);
  reader.read("CALLS", "serial or parallel", settings.calls_in_parallel, parse_calls);
  reader.read("LATENCY",
              std::string(kDurations) + R"(, or such a median above 0 and a 99th percentile not below it: "5ms..40ms")",
              settings.latency, parse_latency);
  read_failures(reader, settings);
  reader.read("TIMEOUT", "more than 0, as " + std::string(kDurations), settings.timeout, parse_timeout);
  reader.read("RETRIES", "a number from 0 to " + std::to_string(kRetriesMax), settings.retries,
              [](std::string_view text) { return parse_number(text, kRetriesMax); });
  reader.read("TRUST", kBoolExpected, settings.trusts_callers, parse_bool);
  reader.read("EXPOSE", kBoolExpected, settings.exposes_trees, parse_bool);
  return reader.finish(std::move(settings));
}

std::expected<Settings, Mistakes> read_w3c_settings(const Environment& environment) {
  Reader reader(environment);
  Settings settings;
  settings.service_name = "w3c";
  read_name(reader, settings);
  read_address(reader, settings);
  return reader.finish(std::move(settings));
}

}  // namespace backstitch::lab
