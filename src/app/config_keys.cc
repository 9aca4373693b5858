#include "app/config_keys.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <fmt/format.h>
#include <limits>

#include "app/quantity.h"
#include "base/duration.h"
#include "base/nearest_name.h"
#include "log/log_format.h"

namespace backstitch::app {

using base::Duration;
using base::Errc;
using base::fail;
using base::Result;

namespace {

constexpr std::string_view kAddressType = "host:port, or off";
constexpr std::string_view kSizeType = "size, such as 256MiB";
constexpr std::string_view kDurationType = "duration, such as 5s";
constexpr std::string_view kCountType = "whole number";

// Stored traces are decoded with the default, so what is let in must not nest deeper.
constexpr uint64_t kNestingMax = model::Limits{}.nesting_max;

template <typename T>
Result<> assign(T& target, Result<T> value) {
  if (!value) return std::unexpected(std::move(value.error()));
  target = std::move(*value);
  return {};
}

// Bounds of a number, shown as its parser writes them.
template <typename T, typename Value>
Result<> assign_within(T& target, Result<Value> value, Value low, Value high, std::string (*text)(Value)) {
  if (!value) return std::unexpected(std::move(value.error()));
  if (*value < low || *value > high) {
    return fail(Errc::InvalidArgument, fmt::format("{} is outside {} … {}", text(*value), text(low), text(high)));
  }
  target = static_cast<T>(*value);
  return {};
}

std::string count_text(uint64_t count) { return std::to_string(count); }

template <typename T>
Result<> set_size(T& target, const RawValue& value, uint64_t low, uint64_t high = 1ULL << 60) {
  return assign_within<T, uint64_t>(target, parse_size(value[0]), low, high, size_text);
}
template <typename T>
Result<> set_count(T& target, const RawValue& value, uint64_t low, uint64_t high) {
  return assign_within<T, uint64_t>(target, parse_count(value[0]), low, high, count_text);
}
Result<> set_duration(Duration& target, const RawValue& value, Duration low,
                      Duration high = std::chrono::hours(87600)) {
  return assign_within<Duration, Duration>(target, base::parse_duration(value[0]), low, high, base::exact_duration);
}

Result<> set_address(std::optional<net::Address>& target, const RawValue& value) {
  if (value[0] == "off") {
    target.reset();
    return {};
  }
  Result<net::Address> address = net::parse_address(value[0]);
  if (!address) return std::unexpected(std::move(address.error()));
  target = std::move(*address);
  return {};
}
RawValue address_text(const std::optional<net::Address>& address) {
  return {address ? net::to_string(*address) : "off"};
}

// The words of an enum, in the order of its numbers.
template <typename T>
Result<> set_word(T& target, const RawValue& value, std::span<const std::pair<std::string_view, T>> words) {
  for (const auto& [word, meaning] : words) {
    if (value[0] != word) continue;
    target = meaning;
    return {};
  }
  std::string known;
  for (const auto& [word, meaning] : words) known += (known.empty() ? "" : ", ") + std::string(word);
  return fail(Errc::InvalidArgument, fmt::format("'{}' is none of {}", value[0], known));
}
template <typename T>
RawValue word_text(T value, std::span<const std::pair<std::string_view, T>> words) {
  for (const auto& [word, meaning] : words) {
    if (meaning == value) return {std::string(word)};
  }
  return {""};
}

constexpr std::pair<std::string_view, log::Sync> kSyncWords[] = {
    {"never", log::Sync::Never}, {"interval", log::Sync::Interval}, {"always", log::Sync::Always}};
constexpr std::pair<std::string_view, log::Compression> kCompressionWords[] = {{"none", log::Compression::None},
                                                                               {"lz4", log::Compression::Lz4}};

constexpr std::pair<std::string_view, bool> kTruthWords[] = {{"false", false}, {"true", true}};
constexpr std::pair<std::string_view, bool> kDrainWords[] = {{"resume", false}, {"decide", true}};

// "X-API-Key" → "xapikey": what the walk compares with.
Result<> set_redact(Config& config, const RawValue& value) {
  std::vector<std::string> patterns;
  if (value.size() == 1 && value[0] == "off") {
    config.redact.clear();
    return {};
  }
  for (const std::string& text : value) {
    std::string pattern;
    for (const char c : text) {
      if (c == '-' || c == '_' || c == '.' || c == ' ') continue;
      if (std::isalnum(static_cast<unsigned char>(c)) == 0) {
        return fail(Errc::InvalidArgument,
                    fmt::format("the pattern '{}' may hold letters, digits, '-', '_' and '.' only", text));
      }
      pattern += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    if (pattern.size() < 3) {
      return fail(Errc::InvalidArgument, fmt::format("the pattern '{}' has fewer than 3 letters or digits", text));
    }
    patterns.push_back(std::move(pattern));
  }
  if (patterns.empty()) return fail(Errc::InvalidArgument, "give at least one pattern, or off");
  config.redact = std::move(patterns);
  return {};
}
RawValue redact_text(const Config& config) { return config.redact.empty() ? RawValue{"off"} : config.redact; }

Result<> set_origins(Config& config, const RawValue& value) {
  for (const std::string& origin : value) {
    if (origin != "*" && !origin.starts_with("http://") && !origin.starts_with("https://")) {
      return fail(Errc::InvalidArgument, fmt::format("'{}' is not an origin such as https://shop.example", origin));
    }
  }
  config.cors_origins = value;
  return {};
}

// Whatever split the list at commas split "a:4317,query=a:16686" too.
Result<> set_members(Config& config, const RawValue& value) {
  RawValue texts;
  for (const std::string& text : value) {
    if (text.starts_with("query=") && !texts.empty()) {
      texts.back() += "," + text;
    } else {
      texts.push_back(text);
    }
  }
  std::vector<route::Member> members;
  for (const std::string& text : texts) {
    Result<route::Member> member = route::parse_member(text);
    if (!member) return std::unexpected(std::move(member.error()));
    members.push_back(std::move(*member));
  }
  if (const auto known = route::Members::create(members); !known) return std::unexpected(known.error());
  config.peers.members = std::move(members);
  return {};
}
RawValue members_text(const Config& config) {
  RawValue texts;
  for (const route::Member& member : config.peers.members) texts.push_back(route::to_string(member));
  return texts;
}

Result<> set_members_dns(Config& config, const RawValue& value) {
  config.peers.dns.reset();
  if (value[0].empty()) return {};
  return assign(config.peers.dns,
                [&]() -> Result<std::optional<route::DnsMembers>> { return route::parse_dns_members(value[0]); }());
}

Result<> set_self(Config& config, const RawValue& value) {
  config.peers.self.clear();
  if (value[0].empty()) return {};
  const Result<route::Member> member = route::parse_member(value[0]);
  if (!member) return std::unexpected(member.error());
  config.peers.self = member->name;
  return {};
}

Result<> set_endpoint(Config& config, const RawValue& value) {
  config.exports.endpoint.reset();
  if (value[0].empty()) return {};
  Result<exporter::Endpoint> endpoint = exporter::parse_endpoint(value[0]);
  if (!endpoint) return std::unexpected(std::move(endpoint.error()));
  config.exports.endpoint = std::move(*endpoint);
  return {};
}

// What both gRPC's metadata and HTTP's headers may be. https://grpc.io/docs/guides/metadata/
Result<std::pair<std::string, std::string>> parse_header(const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    return fail(Errc::InvalidArgument, "a header is written NAME=VALUE");  // not shown: it may be a secret
  }
  std::string name = text.substr(0, equals);
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '-' && c != '_' && c != '.') {
      return fail(Errc::InvalidArgument, fmt::format("the header '{}' may hold letters, digits, - _ . only", name));
    }
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  if (name.starts_with("grpc-") || name.ends_with("-bin")) {
    return fail(Errc::InvalidArgument, fmt::format("the header '{}' is gRPC's own", name));
  }
  constexpr std::array<std::string_view, 7> kOfTheMessage{
      "content-type", "content-length", "content-encoding", "transfer-encoding", "host", "connection", "te"};
  if (std::ranges::find(kOfTheMessage, name) != kOfTheMessage.end()) {
    return fail(Errc::InvalidArgument, fmt::format("the header '{}' goes with each request by itself", name));
  }
  std::string content = text.substr(equals + 1);
  if (!std::ranges::all_of(content, [](char c) { return c >= ' ' && c <= '~'; })) {
    return fail(Errc::InvalidArgument, fmt::format("the header '{}' has a value that is not plain ASCII", name));
  }
  return std::pair(std::move(name), std::move(content));
}

Result<> set_headers(Config& config, const RawValue& value) {
  net::GrpcMetadata headers;
  for (const std::string& text : value) {
    auto header = parse_header(text);
    if (!header) return std::unexpected(std::move(header.error()));
    headers.push_back(std::move(*header));
  }
  config.exports.headers = std::move(headers);
  return {};
}
RawValue headers_text(const Config& config) {
  RawValue texts;
  for (const auto& [name, content] : config.exports.headers) texts.push_back(name + "=" + content);
  return texts;
}

Result<> set_data(Config& config, const RawValue& value) {
  if (value[0].empty()) return fail(Errc::InvalidArgument, "a directory is needed");
  config.data = value[0];
  return {};
}

using std::chrono::hours;
using std::chrono::milliseconds;

// A key whose setter and getter are expressions over `config` and `value`.
#define BACKSTITCH_SET(expression) [](Config& config, const RawValue& value) -> Result<> { return expression; }
#define BACKSTITCH_GET(expression) [](const Config& config) -> RawValue { return expression; }

constexpr ConfigKey kKeys[] = {
    {"listen.otlp_grpc", kAddressType, "OTLP over gRPC. Port 0 picks a free one and prints it.", false,
     BACKSTITCH_SET(set_address(config.listen.otlp_grpc, value)),
     BACKSTITCH_GET(address_text(config.listen.otlp_grpc))},
    {"listen.otlp_http", kAddressType, "OTLP over HTTP: POST /v1/traces, protobuf and JSON.", false,
     BACKSTITCH_SET(set_address(config.listen.otlp_http, value)),
     BACKSTITCH_GET(address_text(config.listen.otlp_http))},
    {"listen.query", kAddressType, "The web UI, the query APIs, /healthz, /readyz and /metrics.", false,
     BACKSTITCH_SET(set_address(config.listen.query, value)), BACKSTITCH_GET(address_text(config.listen.query))},

    {"data", "directory", "Where the log and the traces lie. Made if it is missing.", false, set_data,
     BACKSTITCH_GET({config.data})},
    {"memory", kSizeType,
     "What the process may take: requests are refused from about two thirds of it on, the rest is for what is on its "
     "way. The bodies on each listener, and what one request decodes to, get at most a quarter of it each. At least "
     "256MiB.",
     false, BACKSTITCH_SET(set_size(config.memory_bytes, value, 256 << 20)),
     BACKSTITCH_GET({size_text(config.memory_bytes)})},
    {"shards", kCountType, "Threads that assemble traces, each with its own; 0 means one for every four cores.", false,
     BACKSTITCH_SET(set_count(config.shards, value, 0, 256)), BACKSTITCH_GET({count_text(config.shards)})},

    {"durability.sync", "never, interval or always",
     "When acknowledged spans are forced to the disk. They survive a killed process in any case; this decides about "
     "power loss.",
     false, BACKSTITCH_SET(set_word<log::Sync>(config.durability.sync, value, kSyncWords)),
     BACKSTITCH_GET(word_text<log::Sync>(config.durability.sync, kSyncWords))},
    {"durability.interval", kDurationType, "How often, with sync: interval.", false,
     BACKSTITCH_SET(set_duration(config.durability.interval, value, milliseconds(10), hours(1))),
     BACKSTITCH_GET({base::exact_duration(config.durability.interval)})},

    {"decision_wait", kDurationType, "How long a trace collects spans, from its first one on, before it is sealed.",
     false, BACKSTITCH_SET(set_duration(config.decision_wait, value, milliseconds(1), hours(24))),
     BACKSTITCH_GET({base::exact_duration(config.decision_wait)})},
    {"decision_wait_after_root_received", kDurationType,
     "How long it collects once its root has come, where that is sooner; 0s: the root changes nothing.", false,
     BACKSTITCH_SET(set_duration(config.decision_wait_after_root_received, value, Duration(0), hours(24))),
     BACKSTITCH_GET({base::exact_duration(config.decision_wait_after_root_received)})},
    {"trace_max_age", kDurationType, "A trace that is open for longer is sealed as a fragment and goes on as the next.",
     false, BACKSTITCH_SET(set_duration(config.trace_max_age, value, milliseconds(1))),
     BACKSTITCH_GET({base::exact_duration(config.trace_max_age)})},
    {"spans_per_trace", kCountType, "A trace with more spans than this is sealed as a fragment likewise.", false,
     BACKSTITCH_SET(set_count(config.spans_per_trace, value, 1, 10'000'000)),
     BACKSTITCH_GET({count_text(config.spans_per_trace)})},

    {"log.max_bytes", kSizeType, "What the append log may take; requests are refused beyond.", false,
     BACKSTITCH_SET(set_size(config.log.max_bytes, value, 64 << 20)),
     BACKSTITCH_GET({size_text(config.log.max_bytes)})},
    {"log.segment_bytes", kSizeType, "Of one file of the log, at most.", false,
     BACKSTITCH_SET(set_size(config.log.segment_bytes, value, 64 << 10, log::kSegmentBytesMax)),
     BACKSTITCH_GET({size_text(config.log.segment_bytes)})},
    {"log.compression", "none or lz4", "lz4 trades processor time for less writing.", false,
     BACKSTITCH_SET(set_word<log::Compression>(config.log.compression, value, kCompressionWords)),
     BACKSTITCH_GET(word_text<log::Compression>(config.log.compression, kCompressionWords))},

    {"log.grace.age", kDurationType, "How long a dropped trace can be taken back.", false,
     BACKSTITCH_SET(set_duration(config.log.grace_age, value, Duration(0), hours(24))),
     BACKSTITCH_GET({base::exact_duration(config.log.grace_age)})},
    {"log.grace.bytes", kSizeType, "Of the spans of dropped traces that can be; above it the oldest go.", false,
     BACKSTITCH_SET(set_size(config.log.grace_bytes, value, 0)), BACKSTITCH_GET({size_text(config.log.grace_bytes)})},

    {"decisions.retention", kDurationType, "How long `backstitch why` can say why a trace was kept or dropped.", false,
     BACKSTITCH_SET(set_duration(config.decisions.retention, value, std::chrono::minutes(1))),
     BACKSTITCH_GET({base::exact_duration(config.decisions.retention)})},
    {"decisions.max_bytes", kSizeType, "What decisions may take on disk; the oldest go first.", false,
     BACKSTITCH_SET(set_size(config.decisions.max_bytes, value, 16 << 20)),
     BACKSTITCH_GET({size_text(config.decisions.max_bytes)})},

    {"drain", "resume or decide",
     "What a shutdown does with traces that tail_sampling has not decided about: leaves them in the log for the next "
     "start, or decides at once, for a last shutdown.",
     false, BACKSTITCH_SET(set_word<bool>(config.drain_decides, value, kDrainWords)),
     BACKSTITCH_GET(word_text<bool>(config.drain_decides, kDrainWords))},

    {"store.seal_wait", kDurationType,
     "How long a trace that is complete may wait for others, so that they are stored together. It is found all the "
     "while.",
     false, BACKSTITCH_SET(set_duration(config.store.seal_wait, value, Duration(0), hours(1))),
     BACKSTITCH_GET({base::exact_duration(config.store.seal_wait)})},

    {"sample_only", "true or false",
     "This node stores no traces: what tail_sampling keeps goes to the backend at export.endpoint.", false,
     BACKSTITCH_SET(set_word<bool>(config.sample_only, value, kTruthWords)),
     BACKSTITCH_GET(word_text<bool>(config.sample_only, kTruthWords))},
    {"export.endpoint", "HOST:PORT, grpc://HOST:PORT or http://HOST:PORT[/PATH]",
     "The backend, over OTLP/gRPC, or over OTLP/HTTP where it begins with http (to /v1/traces without a path).", false,
     set_endpoint, BACKSTITCH_GET({config.exports.endpoint ? exporter::to_string(*config.exports.endpoint) : ""})},
    {"export.headers", "list of NAME=VALUE", "Sent with each request, such as a token that the backend wants.", true,
     set_headers, headers_text},
    {"export.timeout", kDurationType, "How long a request waits for the backend's answer; then it is sent again.",
     false, BACKSTITCH_SET(set_duration(config.exports.timeout, value, milliseconds(10), hours(1))),
     BACKSTITCH_GET({base::exact_duration(config.exports.timeout)})},
    {"export.connections", kCountType, "To the backend; as many requests are under way at once.", false,
     BACKSTITCH_SET(set_count(config.exports.connections, value, 1, 64)),
     BACKSTITCH_GET({count_text(config.exports.connections)})},
    {"export.request_bytes_max", kSizeType,
     "Of one request to the backend; a trace that is larger is cut between spans. Most take 4MiB over gRPC.", false,
     BACKSTITCH_SET(set_size(config.exports.request_bytes_max, value, 16 << 10, 64 << 20)),
     BACKSTITCH_GET({size_text(config.exports.request_bytes_max)})},
    {"export.max_bytes", kSizeType,
     "What may wait on disk for the backend; beyond, kept traces wait in the log, and fill that.", false,
     BACKSTITCH_SET(set_size(config.exports.max_bytes, value, 16 << 20)),
     BACKSTITCH_GET({size_text(config.exports.max_bytes)})},

    {"retention.age", kDurationType,
     "Traces that were stored longer ago are removed, in blocks: at most a sixteenth of this later.", false,
     BACKSTITCH_SET(set_duration(config.retention.age, value, std::chrono::minutes(1))),
     BACKSTITCH_GET({base::exact_duration(config.retention.age)})},
    {"retention.disk", "share, such as 80%",
     "How full the data directory's file system may become; the oldest traces go first.", false,
     BACKSTITCH_SET(assign(config.retention.disk, parse_share(value[0]))),
     BACKSTITCH_GET({share_text(config.retention.disk)})},

    {"redact", "list of patterns, or off",
     "Values of attributes whose key holds one of these are masked before anything is written. Case, '-', '_' and '.' "
     "do not matter.",
     true, set_redact, redact_text},

    {"search.open_scan_max", kSizeType, "What a search reads of traces that are still open; beyond, it says partial.",
     false, BACKSTITCH_SET(set_size(config.open_scan_max_bytes, value, 1 << 20)),
     BACKSTITCH_GET({size_text(config.open_scan_max_bytes)})},

    {"otlp_http.cors_origins", "list of origins",
     "Web pages that may send spans from browsers, such as https://shop.example; * for all.", true, set_origins,
     BACKSTITCH_GET(config.cors_origins)},

    {"limits.request_bytes_max", kSizeType,
     "Of one request after decompression; a larger one is refused. At most a quarter of memory.", false,
     BACKSTITCH_SET(set_size(config.limits.request_bytes_max, value, 64 << 10, 1 << 30)),
     BACKSTITCH_GET({size_text(config.limits.request_bytes_max)})},
    {"limits.decoded_bytes_max", kSizeType,
     "Memory for one request that must be decoded, such as OTLP JSON. At most a quarter of memory.", false,
     BACKSTITCH_SET(set_size(config.limits.decoded_bytes_max, value, 1 << 20)),
     BACKSTITCH_GET({size_text(config.limits.decoded_bytes_max)})},
    {"limits.spans_per_request_max", kCountType, "A request with more spans is refused.", false,
     BACKSTITCH_SET(set_count(config.limits.spans_per_request_max, value, 1, 5'000'000)),
     BACKSTITCH_GET({count_text(config.limits.spans_per_request_max)})},
    {"limits.span_bytes_max", kSizeType, "A larger span is rejected.", false,
     BACKSTITCH_SET(set_size(config.limits.span_bytes_max, value, 1 << 10, 1 << 30)),
     BACKSTITCH_GET({size_text(config.limits.span_bytes_max)})},
    {"limits.attribute_value_bytes_max", kSizeType, "A longer text or bytes value is cut, and its span marked.", false,
     BACKSTITCH_SET(set_size(config.limits.attribute_value_bytes_max, value, 64, 1 << 30)),
     BACKSTITCH_GET({size_text(config.limits.attribute_value_bytes_max)})},
    {"limits.attributes_per_span_max", kCountType, "The rest is dropped and counted on the span.", false,
     BACKSTITCH_SET(set_count(config.limits.attributes_per_span_max, value, 1, 1 << 20)),
     BACKSTITCH_GET({count_text(config.limits.attributes_per_span_max)})},
    {"limits.events_per_span_max", kCountType, "A span with more events, or more links, is rejected.", false,
     BACKSTITCH_SET(set_count(config.limits.events_per_span_max, value, 1, 1 << 20)),
     BACKSTITCH_GET({count_text(config.limits.events_per_span_max)})},
    {"limits.nesting_max", kCountType, "Of lists in attribute values; a span that nests deeper is rejected.", false,
     BACKSTITCH_SET(set_count(config.limits.nesting_max, value, 1, kNestingMax)),
     BACKSTITCH_GET({count_text(config.limits.nesting_max)})},

    {"peers.members", "list of HOST:PORT or HOST:PORT,query=HOST:PORT",
     "The nodes that share the traces, this one included: each by the address of its OTLP gRPC, and that of its query "
     "port where that is not port 16686 of the same host. The same list on every node and router. One of members, file "
     "and dns.",
     true, set_members, members_text},
    {"peers.file", "file", "Has such a member a line, # begins a comment; read again when it changes.", false,
     BACKSTITCH_SET((config.peers.file = value[0], Result<>())), BACKSTITCH_GET({config.peers.file})},
    {"peers.dns", "NAME:PORT or NAME:PORT,query=PORT",
     "All addresses of the name are members; asked again every few seconds.", false, set_members_dns,
     BACKSTITCH_GET({config.peers.dns ? route::to_string(*config.peers.dns) : ""})},
    {"peers.self", "HOST:PORT",
     "Which member this node is, where that is not the one with the address of listen.otlp_grpc.", false, set_self,
     BACKSTITCH_GET({config.peers.self})},
    {"peers.query_timeout", kDurationType,
     "How long a query waits for another node; without its answer the query's is partial, and says so.", false,
     BACKSTITCH_SET(set_duration(config.peers.query_timeout, value, std::chrono::milliseconds(10), hours(1))),
     BACKSTITCH_GET({base::exact_duration(config.peers.query_timeout)})},
    {"peers.answer_bytes_max", kSizeType, "Of what another node answers at a time; a larger answer is left out.", false,
     BACKSTITCH_SET(set_size(config.peers.answer_bytes_max, value, 1 << 20, 4ULL << 30)),
     BACKSTITCH_GET({size_text(config.peers.answer_bytes_max)})},
};
#undef BACKSTITCH_SET
#undef BACKSTITCH_GET

std::string_view last_part(std::string_view path) { return path.substr(path.rfind('.') + 1); }

}  // namespace

std::span<const ConfigKey> config_keys() { return kKeys; }

const ConfigKey* find_config_key(std::string_view path) {
  for (const ConfigKey& key : kKeys) {
    if (key.path == path) return &key;
  }
  return nullptr;
}

std::string environment_name(std::string_view path) {
  std::string name = "BACKSTITCH_";
  for (const char c : path) name += c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

std::string_view nearest_key(std::string_view name) {
  constexpr size_t kNameBytesMax = 128;
  if (name.size() > kNameBytesMax) return {};
  std::string_view best;
  size_t best_distance = std::numeric_limits<size_t>::max();
  const auto consider = [&](std::string_view known, size_t distance, size_t length) {
    if (distance * 3 > length || distance >= best_distance) return;
    best = known;
    best_distance = distance;
  };
  for (const ConfigKey& key : kKeys) {
    consider(key.path, base::edit_distance(name, key.path), key.path.size());
    // Half a step behind an equally near whole path.
    const std::string_view last = last_part(key.path);
    consider(key.path, base::edit_distance(last_part(name), last) + 1, last.size());
    // A group, such as "listn".
    const std::string_view group = key.path.substr(0, key.path.find('.'));
    consider(group, base::edit_distance(name, group), group.size());
  }
  // Blocks, which the table does not hold.
  for (const std::string_view block : {"tail_sampling", "processors"}) {
    consider(block, base::edit_distance(name, block), block.size());
  }
  return best;
}

}  // namespace backstitch::app
