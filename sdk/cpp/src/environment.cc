#include "src/environment.h"

#include <algorithm>
#include <charconv>

namespace backstitch::sdk {
namespace {

using Milliseconds = std::chrono::milliseconds;

constexpr std::string_view kSpace = " \t";

std::string_view trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    uint8_t byte = 0;
    if (i + 2 >= text.size()) return std::nullopt;
    const char* const end = text.data() + i + 3;
    if (std::from_chars(text.data() + i + 1, end, byte, 16).ptr != end) return std::nullopt;
    out.push_back(static_cast<char>(byte));
    i += 2;
  }
  return out;
}

template <typename T>
bool parse_whole(std::string_view text, T& value) {
  const auto done = std::from_chars(text.data(), text.data() + text.size(), value);
  return done.ec == std::errc() && done.ptr == text.data() + text.size();
}

// Reads variables one by one, and tells what is wrong with them.
class Reader {
 public:
  Reader(const Lookup& lookup, const TracerProviderOptions& options) : lookup_(lookup), options_(options) {}

  std::optional<std::string> text(const std::string& name) const {
    std::optional<std::string> value = lookup_(name);
    if (value) value = std::string(trim(*value));
    return value && !value->empty() ? value : std::nullopt;
  }
  void problem(const std::string& name, std::string_view value, std::string_view wanted) const {
    if (!options_.on_problem) return;
    options_.on_problem(name + "=" + std::string(value) + " is ignored: " + std::string(wanted));
  }
  void number(const std::string& name, uint32_t min, uint32_t& out) const {
    const auto value = text(name);
    if (!value) return;
    uint32_t parsed = 0;
    if (!parse_whole(*value, parsed) || parsed < min) return problem(name, *value, "not a number that can be used");
    out = parsed;
  }
  void duration(const std::string& name, Milliseconds& out) const {
    auto milliseconds = static_cast<uint32_t>(out.count());
    number(name, 1, milliseconds);
    out = Milliseconds(milliseconds);
  }
  // The variable for traces, else the one for all signals.
  std::optional<std::pair<std::string, std::string>> otlp(const std::string& suffix) const {
    for (const std::string& name : {"OTEL_EXPORTER_OTLP_TRACES_" + suffix, "OTEL_EXPORTER_OTLP_" + suffix}) {
      if (auto value = text(name)) return std::pair(name, std::move(*value));
    }
    return std::nullopt;
  }

 private:
  const Lookup& lookup_;
  const TracerProviderOptions& options_;
};

void set_attribute(TracerProviderOptions& options, const std::string& key, std::string value) {
  std::erase_if(options.resource, [&](const auto& one) { return one.first == key; });
  options.resource.emplace_back(key, std::move(value));
}

void read_resource(const Reader& reader, TracerProviderOptions& options) {
  if (const auto text = reader.text("OTEL_RESOURCE_ATTRIBUTES")) {
    const auto pairs = parse_pairs(*text);
    if (!pairs) reader.problem("OTEL_RESOURCE_ATTRIBUTES", *text, "not key=value,…");
    if (pairs) {
      for (const auto& [key, value] : *pairs) set_attribute(options, key, value);
    }
  }
  if (auto name = reader.text("OTEL_SERVICE_NAME")) set_attribute(options, "service.name", std::move(*name));
}

double ratio_of(const Reader& reader) {
  const auto text = reader.text("OTEL_TRACES_SAMPLER_ARG");
  double ratio = 1.0;
  if (!text || (parse_whole(*text, ratio) && ratio >= 0 && ratio <= 1)) return ratio;
  reader.problem("OTEL_TRACES_SAMPLER_ARG", *text, "not a ratio from 0 to 1");
  return 1.0;
}

void read_sampler(const Reader& reader, TracerProviderOptions& options) {
  const auto text = reader.text("OTEL_TRACES_SAMPLER");
  if (!text) return;
  const std::string name = lower(*text);
  const std::string_view parent = "parentbased_";
  const bool is_parent_based = name.starts_with(parent);
  const std::string_view root = std::string_view(name).substr(is_parent_based ? parent.size() : 0);
  std::shared_ptr<const Sampler> sampler;
  if (root == "always_on") sampler = always_on();
  if (root == "always_off") sampler = always_off();
  if (root == "traceidratio") sampler = trace_id_ratio(ratio_of(reader));
  if (!sampler) return reader.problem("OTEL_TRACES_SAMPLER", *text, "no sampler of this SDK");
  options.sampler = is_parent_based ? parent_based(std::move(sampler)) : std::move(sampler);
}

void read_limits(const Reader& reader, SpanLimits& limits) {
  // The general ones first, those for spans over them.
  reader.number("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", 0, limits.attribute_value_length);
  reader.number("OTEL_ATTRIBUTE_COUNT_LIMIT", 0, limits.attributes);
  reader.number("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", 0, limits.attribute_value_length);
  reader.number("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", 0, limits.attributes);
  reader.number("OTEL_SPAN_EVENT_COUNT_LIMIT", 0, limits.events);
  reader.number("OTEL_SPAN_LINK_COUNT_LIMIT", 0, limits.links);
  reader.number("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", 0, limits.attributes_per_event);
  reader.number("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", 0, limits.attributes_per_link);
}

void read_batch(const Reader& reader, BatchOptions& batch) {
  reader.number("OTEL_BSP_MAX_QUEUE_SIZE", 1, batch.queue_spans_max);
  reader.number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 1, batch.batch_spans_max);
  reader.duration("OTEL_BSP_SCHEDULE_DELAY", batch.schedule_delay);
  reader.duration("OTEL_BSP_EXPORT_TIMEOUT", batch.export_timeout);
}

// The endpoint for traces is the whole URL; the general one is what v1/traces is below.
void read_endpoint(const Reader& reader, OtlpHttpOptions& otlp) {
  if (auto whole = reader.text("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")) {
    otlp.url = std::move(*whole);
    return;
  }
  auto base = reader.text("OTEL_EXPORTER_OTLP_ENDPOINT");
  if (!base) return;
  otlp.url = std::move(*base);
  otlp.url += otlp.url.ends_with('/') ? "v1/traces" : "/v1/traces";
}

void read_otlp(const Reader& reader, OtlpHttpOptions& otlp) {
  read_endpoint(reader, otlp);
  if (const auto headers = reader.otlp("HEADERS")) {
    if (auto pairs = parse_pairs(headers->second)) {
      otlp.headers = std::move(*pairs);
    } else {
      reader.problem(headers->first, "…", "not key=value,…");  // may hold a secret
    }
  }
  reader.duration("OTEL_EXPORTER_OTLP_TIMEOUT", otlp.timeout);
  reader.duration("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", otlp.timeout);
  if (const auto compression = reader.otlp("COMPRESSION")) {
    const bool is_known = compression->second == "gzip" || compression->second == "none";
    if (is_known) otlp.is_compressed = compression->second == "gzip";
    if (!is_known) reader.problem(compression->first, compression->second, "neither gzip nor none");
  }
  if (auto path = reader.otlp("CERTIFICATE")) otlp.ca_certificate_path = std::move(path->second);
  const auto protocol = reader.otlp("PROTOCOL");
  if (protocol && protocol->second != "http/protobuf") {
    reader.problem(protocol->first, protocol->second, "this SDK speaks http/protobuf");
  }
}

void read_exporter(const Reader& reader, TracerProviderOptions& options) {
  const auto exporter = reader.text("OTEL_TRACES_EXPORTER");
  if (!exporter) return;
  options.has_exporter = *exporter != "none";
  if (*exporter != "otlp" && *exporter != "none") {
    reader.problem("OTEL_TRACES_EXPORTER", *exporter, "neither otlp nor none");
  }
}

}  // namespace

std::optional<std::vector<std::pair<std::string, std::string>>> parse_pairs(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> pairs;
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    const std::string_view member = trim(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
    if (member.empty()) continue;
    const size_t equals = member.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    auto key = percent_decoded(trim(member.substr(0, equals)));
    auto value = percent_decoded(trim(member.substr(equals + 1)));
    if (!key || key->empty() || !value) return std::nullopt;
    pairs.emplace_back(std::move(*key), std::move(*value));
  }
  return pairs;
}

TracerProviderOptions apply_environment(TracerProviderOptions options, const Lookup& lookup) {
  const Reader reader(lookup, options);
  if (const auto disabled = reader.text("OTEL_SDK_DISABLED")) options.is_disabled = lower(*disabled) == "true";
  read_resource(reader, options);
  read_sampler(reader, options);
  read_limits(reader, options.limits);
  read_batch(reader, options.batch);
  read_otlp(reader, options.otlp);
  read_exporter(reader, options);
  if (auto names = reader.text("OTEL_PROPAGATORS")) {
    std::string problem;
    (void)Propagator::create(*names, &problem);
    if (problem.empty()) options.propagators = std::move(*names);
    if (!problem.empty()) reader.problem("OTEL_PROPAGATORS", *names, problem);
  }
  return options;
}

}  // namespace backstitch::sdk
