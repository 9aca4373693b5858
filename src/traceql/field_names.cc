#include "traceql/field_names.h"

#include <iterator>

namespace backstitch::traceql {
namespace {

struct Name {
  std::string_view text;
  Intrinsic intrinsic;
};

// The first of each intrinsic is what is printed.
constexpr Name kNames[] = {
    {"name", Intrinsic::Name},
    {"span:name", Intrinsic::Name},
    {"status", Intrinsic::Status},
    {"span:status", Intrinsic::Status},
    {"statusMessage", Intrinsic::StatusMessage},
    {"span:statusMessage", Intrinsic::StatusMessage},
    {"kind", Intrinsic::Kind},
    {"span:kind", Intrinsic::Kind},
    {"duration", Intrinsic::Duration},
    {"span:duration", Intrinsic::Duration},
    {"span:childCount", Intrinsic::ChildCount},
    {"childCount", Intrinsic::ChildCount},
    {"span:id", Intrinsic::SpanId},
    {"span:parentID", Intrinsic::ParentId},
    {"parent", Intrinsic::Parent},
    {"nestedSetLeft", Intrinsic::NestedSetLeft},
    {"nestedSetRight", Intrinsic::NestedSetRight},
    {"nestedSetParent", Intrinsic::NestedSetParent},
    {"trace:id", Intrinsic::TraceId},
    {"traceDuration", Intrinsic::TraceDuration},
    {"trace:duration", Intrinsic::TraceDuration},
    {"rootName", Intrinsic::RootName},
    {"trace:rootName", Intrinsic::RootName},
    {"rootServiceName", Intrinsic::RootService},
    {"trace:rootService", Intrinsic::RootService},
    {"event:name", Intrinsic::EventName},
    {"event:timeSinceStart", Intrinsic::EventTimeSinceStart},
    {"link:spanID", Intrinsic::LinkSpanId},
    {"link:traceID", Intrinsic::LinkTraceId},
    {"instrumentation:name", Intrinsic::InstrumentationName},
    {"instrumentation:version", Intrinsic::InstrumentationVersion},
};

}  // namespace

std::optional<Intrinsic> intrinsic_named(std::string_view name) {
  for (const Name& known : kNames) {
    if (known.text == name) return known.intrinsic;
  }
  return std::nullopt;
}

std::string_view name_of(Intrinsic intrinsic) {
  for (const Name& known : kNames) {
    if (known.intrinsic == intrinsic) return known.text;
  }
  return "service";
}

std::string_view prefix_of(Scope scope) {
  constexpr std::string_view prefixes[] = {".", "span.", "resource.", "instrumentation.", "event.", "link.", "tag."};
  return prefixes[static_cast<size_t>(scope)];
}

std::optional<Scope> scope_named(std::string_view word) {
  if (word == "span") return Scope::Span;
  if (word == "resource") return Scope::Resource;
  if (word == "instrumentation") return Scope::Instrumentation;
  if (word == "event") return Scope::Event;
  if (word == "link") return Scope::Link;
  return std::nullopt;
}

bool is_attribute_char(char c) {
  const auto byte = static_cast<unsigned char>(c);
  if (byte <= ' ' || byte == 0x7f) return false;
  return std::string_view("{}()=~!<>&|^,\"").find(c) == std::string_view::npos;
}

}  // namespace backstitch::traceql
