#include "api/native/why.h"

#include <fmt/format.h>
#include <simdjson.h>

#include "api/native/answers.h"
#include "api/native/cause_name.h"
#include "api/native/json_fields.h"

namespace backstitch::api {
namespace {

using base::Errc;
using base::fail;
using base::JsonWriter;
using model::Decision;
using model::DecisionCause;
using model::Verdict;
using query::TraceWhy;
using query::WhyDecision;
using simdjson::dom::element;

constexpr std::string_view kKept = "kept";
constexpr std::string_view kDropped = "dropped";
bool is_early(DecisionCause cause) {
  return cause == DecisionCause::EarlyAtCap || cause == DecisionCause::EarlyAtSize || cause == DecisionCause::Drain;
}

void write_decision(JsonWriter& json, const WhyDecision& one) {
  const Decision& decision = one.decision;
  json.begin_object();
  json.field("verdict", decision.verdict == Verdict::Kept ? kKept : kDropped);
  json.field("cause", cause_name(decision.cause));
  json.field("early", is_early(decision.cause));
  json.field("policy", std::string_view(one.policy));
  json.key("voted");
  json.begin_array();
  for (const std::string& name : one.voted) json.value(std::string_view(name));
  json.end_array();
  json.quoted_field("openedTimeUnixNano", decision.opened.unix_nanos);
  json.quoted_field("decidedTimeUnixNano", decision.decided.unix_nanos);
  json.quoted_field("durationNano", static_cast<int64_t>(decision.duration.count()));
  json.field("spanCount", decision.span_count);
  json.field("errorCount", decision.error_count);
  json.field("lateSpanCount", decision.late_span_count);
  json.field("weight", static_cast<double>(decision.weight));
  json.field("policySet", decision.policy_set);
  if (!one.node.empty()) json.field("node", std::string_view(one.node));
  json.end_object();
}

base::Result<WhyDecision> read_decision(element object, const model::TraceId& id) {
  const auto cause = read_cause(text_of(object, "cause"));
  if (!cause) return std::unexpected(cause.error());
  double weight = 1;
  if (object["weight"].get(weight) != simdjson::SUCCESS) weight = 1;
  WhyDecision one{.decision = {.id = id,
                               .verdict = text_of(object, "verdict") == kKept ? Verdict::Kept : Verdict::Dropped,
                               .cause = *cause,
                               .policy_set = static_cast<uint32_t>(count_of(object, "policySet")),
                               .opened = time_of(object, "openedTimeUnixNano"),
                               .decided = time_of(object, "decidedTimeUnixNano"),
                               .duration = base::Duration(integer_of(object, "durationNano")),
                               .span_count = static_cast<uint32_t>(count_of(object, "spanCount")),
                               .error_count = static_cast<uint32_t>(count_of(object, "errorCount")),
                               .late_span_count = static_cast<uint32_t>(count_of(object, "lateSpanCount")),
                               .weight = static_cast<float>(weight)},
                  .policy = text_of(object, "policy"),
                  .voted = {},
                  .node = text_of(object, "node")};
  simdjson::dom::array voted;
  if (object["voted"].get(voted) != simdjson::SUCCESS) return one;
  for (const element name : voted) {
    std::string_view text;
    if (name.get(text) == simdjson::SUCCESS) one.voted.emplace_back(text);
  }
  return one;
}

}  // namespace

net::HttpResponse why_response(const TraceWhy& why) {
  if (why.decisions.empty()) {
    std::string text = fmt::format(
        "nothing was decided about trace {}: it never came, is open still, "
        "or was decided longer ago than decisions are kept",
        why.id.to_hex());
    if (!why.missing.empty()) text += fmt::format("; {} did not answer", query::names_of(why.missing));
    return native_error({Errc::NotFound, std::move(text)}, why.missing);
  }
  return json_object([&](JsonWriter& json) {
    json.field("traceId", why.id.to_hex());
    json.field("verdict", why.was_kept() ? kKept : kDropped);
    json.field("partial", why.is_partial);
    json.quoted_field("reopenUntilUnixNano", why.reopen_until.unix_nanos);
    json.key("decisions");
    json.begin_array();
    for (const WhyDecision& one : why.decisions) write_decision(json, one);
    json.end_array();
    write_missing(json, why.missing);
  });
}

std::string why_target(const model::TraceId& id) { return fmt::format("/api/bs/v1/traces/{}/why", id.to_hex()); }

base::Result<TraceWhy> read_why(std::string_view json) {
  simdjson::dom::parser parser;
  element document;
  simdjson::dom::array decisions;
  const simdjson::padded_string padded(json);
  if (parser.parse(padded).get(document) != simdjson::SUCCESS ||
      document["decisions"].get(decisions) != simdjson::SUCCESS) {
    return fail(Errc::Malformed, "no list of decisions");
  }
  const auto id = model::TraceId::from_hex(text_of(document, "traceId"));
  if (!id) return std::unexpected(id.error());
  TraceWhy why{.id = *id,
               .decisions = {},
               .is_partial = flag_of(document, "partial"),
               .reopen_until = time_of(document, "reopenUntilUnixNano"),
               .missing = read_missing(document)};
  for (const element one : decisions) {
    auto decision = read_decision(one, *id);
    if (!decision) return std::unexpected(decision.error());
    why.decisions.push_back(std::move(*decision));
  }
  return why;
}

}  // namespace backstitch::api
