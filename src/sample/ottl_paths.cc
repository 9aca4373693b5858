#include "sample/ottl_paths.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "base/nearest_name.h"

namespace backstitch::sample {

using base::Errc;
using base::fail;
using base::Result;
using model::AttributeLevel;

namespace {

struct KnownPath {
  AttributeLevel level;
  std::string_view name;  // without its context, and without its key
  OttlField field;
};

constexpr KnownPath kPaths[] = {
    {AttributeLevel::Resource, "attributes", OttlField::Attribute},
    {AttributeLevel::Scope, "attributes", OttlField::Attribute},
    {AttributeLevel::Scope, "name", OttlField::ScopeName},
    {AttributeLevel::Scope, "version", OttlField::ScopeVersion},
    {AttributeLevel::Span, "attributes", OttlField::Attribute},
    {AttributeLevel::Span, "trace_id", OttlField::TraceId},
    {AttributeLevel::Span, "trace_id.string", OttlField::TraceIdString},
    {AttributeLevel::Span, "span_id", OttlField::SpanId},
    {AttributeLevel::Span, "span_id.string", OttlField::SpanIdString},
    {AttributeLevel::Span, "parent_span_id", OttlField::ParentSpanId},
    {AttributeLevel::Span, "parent_span_id.string", OttlField::ParentSpanIdString},
    {AttributeLevel::Span, "trace_state", OttlField::TraceState},
    {AttributeLevel::Span, "name", OttlField::Name},
    {AttributeLevel::Span, "kind", OttlField::Kind},
    {AttributeLevel::Span, "kind.string", OttlField::KindString},
    {AttributeLevel::Span, "kind.deprecated_string", OttlField::KindDeprecatedString},
    {AttributeLevel::Span, "start_time", OttlField::StartTime},
    {AttributeLevel::Span, "start_time_unix_nano", OttlField::StartTimeUnixNano},
    {AttributeLevel::Span, "end_time", OttlField::EndTime},
    {AttributeLevel::Span, "end_time_unix_nano", OttlField::EndTimeUnixNano},
    {AttributeLevel::Span, "status.code", OttlField::StatusCode},
    {AttributeLevel::Span, "status.message", OttlField::StatusMessage},
    {AttributeLevel::Span, "flags", OttlField::Flags},
    {AttributeLevel::Event, "attributes", OttlField::Attribute},
    {AttributeLevel::Event, "name", OttlField::EventName},
    {AttributeLevel::Event, "time", OttlField::EventTime},
    {AttributeLevel::Event, "time_unix_nano", OttlField::EventTimeUnixNano},
};

// What the Collector knows and the ingest walk does not read.
constexpr std::string_view kUnreadNames[] = {"dropped_attributes_count",
                                             "dropped_events_count",
                                             "dropped_links_count",
                                             "events",
                                             "links",
                                             "schema_url",
                                             "status",
                                             "event_index",
                                             "cache"};

struct Context {
  std::string_view name;
  AttributeLevel level;
};
constexpr Context kContexts[] = {{"span", AttributeLevel::Span},
                                 {"resource", AttributeLevel::Resource},
                                 {"scope", AttributeLevel::Scope},
                                 {"instrumentation_scope", AttributeLevel::Scope},
                                 {"spanevent", AttributeLevel::Event}};

std::string joined(std::span<const OttlPathPart> parts) {
  std::string text;
  for (const OttlPathPart& part : parts) text += (text.empty() ? "" : ".") + std::string(part.name);
  return text;
}

std::unexpected<base::Error> unknown_path(AttributeLevel level, const std::string& name) {
  std::vector<std::string_view> known;
  for (const KnownPath& path : kPaths) {
    if (path.level == level) known.push_back(path.name);
  }
  const std::string_view nearest = base::nearest_name(name, known);
  return fail(Errc::InvalidArgument, nearest.empty()
                                         ? fmt::format("there is no path '{}'", name)
                                         : fmt::format("there is no path '{}'; did you mean '{}'?", name, nearest));
}

}  // namespace

Result<OttlPath> resolve_ottl_path(OttlContext context, std::span<const OttlPathPart> parts) {
  AttributeLevel level = context == OttlContext::Span ? AttributeLevel::Span : AttributeLevel::Event;
  const auto* named = std::ranges::find(kContexts, parts.front().name, &Context::name);
  if (parts.size() > 1 && named != std::end(kContexts)) {
    if (!parts.front().keys.empty()) {
      return fail(Errc::InvalidArgument, fmt::format("'{}' has no keys", parts.front().name));
    }
    if (named->level == AttributeLevel::Event && context == OttlContext::Span) {
      return fail(Errc::InvalidArgument, "a span's condition sees no event; put it under 'spanevent'");
    }
    level = named->level;
    parts = parts.subspan(1);
  } else if (parts.front().name == "otelcol") {
    return fail(Errc::Unsupported, "'otelcol' is the Collector's own; it has no meaning here");
  }
  const std::string name = joined(parts);
  if (std::ranges::find(kUnreadNames, parts.front().name) != std::end(kUnreadNames) && !name.starts_with("status.")) {
    return fail(Errc::Unsupported, fmt::format("'{}' is not read here, though the Collector knows it", name));
  }
  const auto* known =
      std::ranges::find_if(kPaths, [&](const KnownPath& path) { return path.level == level && path.name == name; });
  if (known == std::end(kPaths)) return unknown_path(level, name);

  const std::vector<std::string>& keys = parts.back().keys;
  const bool has_keys = std::ranges::any_of(parts, [](const OttlPathPart& part) { return !part.keys.empty(); });
  if (known->field == OttlField::TraceState && has_keys) {
    return fail(Errc::Unsupported, "a single key of trace_state is not read here; use a trace_state policy");
  }
  if (known->field != OttlField::Attribute) {
    if (has_keys) return fail(Errc::InvalidArgument, fmt::format("'{}' has no keys", name));
    return OttlPath{.field = known->field, .level = level, .key = {}, .slot = 0};
  }
  if (keys.empty()) return fail(Errc::Unsupported, "all attributes at once are not read here; name a key: [\"…\"]");
  if (keys.size() > 1) return fail(Errc::Unsupported, "what is inside an attribute's value is not read here");
  return OttlPath{.field = OttlField::Attribute, .level = level, .key = keys.front(), .slot = 0};
}

namespace {

const std::vector<OttlConverterInfo>& converters() {
  static const std::vector<OttlConverterInfo> kConverters = {
      {"IsMatch", OttlConverter::IsMatch, {"target", "pattern"}},
      {"IsRootSpan", OttlConverter::IsRootSpan, {}},
      {"IsString", OttlConverter::IsString, {"target"}},
      {"IsInt", OttlConverter::IsInt, {"target"}},
      {"IsDouble", OttlConverter::IsDouble, {"target"}},
      {"IsBool", OttlConverter::IsBool, {"target"}},
      {"IsList", OttlConverter::IsList, {"target"}},
      {"IsMap", OttlConverter::IsMap, {"target"}},
      {"HasPrefix", OttlConverter::HasPrefix, {"target", "prefix"}},
      {"HasSuffix", OttlConverter::HasSuffix, {"target", "suffix"}},
      {"Len", OttlConverter::Len, {"target"}},
      {"String", OttlConverter::String, {"target"}},
      {"Int", OttlConverter::Int, {"target"}},
      {"Double", OttlConverter::Double, {"target"}},
      {"Bool", OttlConverter::Bool, {"target"}},
      {"ToLowerCase", OttlConverter::ToLowerCase, {"target"}},
      {"ToUpperCase", OttlConverter::ToUpperCase, {"target"}},
      {"TraceID", OttlConverter::TraceId, {"target"}},
      {"SpanID", OttlConverter::SpanId, {"target"}},
      {"Duration", OttlConverter::Duration, {"duration"}},
      {"Hours", OttlConverter::Hours, {"duration"}},
      {"Minutes", OttlConverter::Minutes, {"duration"}},
      {"Seconds", OttlConverter::Seconds, {"duration"}},
      {"Milliseconds", OttlConverter::Milliseconds, {"duration"}},
      {"Microseconds", OttlConverter::Microseconds, {"duration"}},
      {"Nanoseconds", OttlConverter::Nanoseconds, {"duration"}},
  };
  return kConverters;
}

// Those of pkg/ottl 0.161 (ottlfuncs) that are not above.
constexpr std::string_view kUnsupportedConverters =
    " All Any Append Base64Encode Coalesce CommunityID Concat ContainsValue "
    "ConvertAttributesToElementsXML ConvertCase ConvertTextToElementsXML Day Decode DeleteIndex "
    "ExtractGrokPatterns ExtractPatterns FNV Filter Find Format FormatTime GetXML Hex Hour Index "
    "InsertXML IsEmpty IsInCIDR IsValidLuhn Keys Log MD5 MapEach MapKeys Minute Month Murmur3Hash "
    "Murmur3Hash128 Nanosecond Now ParseCSV ParseInt ParseJSON ParseKeyValue ParseSeverity "
    "ParseSimplifiedXML ParseXML ProfileID Reduce RemoveXML SHA1 SHA256 SHA512 Second SliceToMap Sort "
    "Split Substring Time ToCamelCase ToKeyValueString ToSnakeCase Trim TrimPrefix TrimSuffix "
    "TruncateTime URL UUID UUIDv7 Unix UnixMicro UnixMilli UnixNano UnixSeconds UserAgent Values Weekday "
    "When XXH128 XXH3 Year ";

struct EnumValue {
  std::string_view name;
  int64_t value;
};
constexpr EnumValue kEnums[] = {{"SPAN_KIND_UNSPECIFIED", 0}, {"SPAN_KIND_INTERNAL", 1}, {"SPAN_KIND_SERVER", 2},
                                {"SPAN_KIND_CLIENT", 3},      {"SPAN_KIND_PRODUCER", 4}, {"SPAN_KIND_CONSUMER", 5},
                                {"STATUS_CODE_UNSET", 0},     {"STATUS_CODE_OK", 1},     {"STATUS_CODE_ERROR", 2}};

std::string did_you_mean(std::string_view name, const std::vector<std::string_view>& known) {
  const std::string_view nearest = base::nearest_name(name, known);
  return nearest.empty() ? "" : fmt::format("; did you mean '{}'?", nearest);
}

}  // namespace

Result<const OttlConverterInfo*> find_ottl_converter(OttlContext context, std::string_view name) {
  std::vector<std::string_view> known;
  for (const OttlConverterInfo& info : converters()) {
    if (info.name != name) {
      known.push_back(info.name);
      continue;
    }
    if (info.converter == OttlConverter::IsRootSpan && context == OttlContext::SpanEvent) {
      return fail(Errc::InvalidArgument, "IsRootSpan stands in conditions of spans, not of events");
    }
    return &info;
  }
  if (kUnsupportedConverters.find(fmt::format(" {} ", name)) != std::string_view::npos) {
    return fail(Errc::Unsupported, fmt::format("the converter '{}' is not supported here", name));
  }
  return fail(Errc::InvalidArgument, fmt::format("there is no converter '{}'{}", name, did_you_mean(name, known)));
}

Result<int64_t> find_ottl_enum(std::string_view name) {
  std::vector<std::string_view> known;
  for (const EnumValue& value : kEnums) {
    if (value.name == name) return value.value;
    known.push_back(value.name);
  }
  return fail(Errc::InvalidArgument, fmt::format("there is no value '{}'{}", name, did_you_mean(name, known)));
}

}  // namespace backstitch::sample
