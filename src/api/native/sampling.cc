#include "api/native/sampling.h"

#include <fmt/format.h>

#include "api/native/answers.h"
#include "api/native/peer_sampling.h"
#include "api/native/why.h"
#include "base/rfc3339.h"

namespace backstitch::api {

net::HttpResponse tell_why(const SamplingQuestions& sampling, const std::string& id_text) {
  const auto id = model::TraceId::from_hex(id_text);
  if (!id) return native_error(id.error());
  const auto why = why_everywhere(sampling, *id);
  return why ? why_response(*why) : native_error(why.error());
}

std::string keep_target(const model::TraceId& id) { return fmt::format("/api/bs/v1/traces/{}/keep", id.to_hex()); }

net::HttpResponse keep_trace(const SamplingQuestions& sampling, const std::string& id_text) {
  const auto id = model::TraceId::from_hex(id_text);
  if (!id) return native_error(id.error());
  const auto kept = keep_everywhere(sampling, *id);
  if (!kept) return native_error(kept.error());
  return json_object([&](base::JsonWriter& json) {
    json.field("traceId", id->to_hex());
    json.field("kept", true);
    if (!kept->nodes.empty()) {
      json.key("nodes");
      json.begin_array();
      for (const std::string& node : kept->nodes) json.value(node);
      json.end_array();
    }
    write_missing(json, kept->missing);
  });
}

net::HttpResponse not_found_response(const SamplingQuestions& sampling, const NotFoundTrace& trace) {
  const std::string id = trace.id.to_hex();
  const auto why = sampling.why ? why_everywhere(sampling, trace.id, trace.missing) : base::Result<query::TraceWhy>();
  const bool is_dropped = why && !why->decisions.empty() && !why->was_kept();
  if (!is_dropped && !sampling.exported_to.empty()) {
    const bool is_kept = why && why->was_kept();
    return native_error({base::Errc::NotFound,
                         fmt::format("trace {} {} {}: this node stores no traces", id,
                                     is_kept ? "was kept and exported to" : "is not open; what is kept is exported to",
                                     sampling.exported_to)},
                        trace.missing);
  }
  if (!is_dropped) return native_error(trace.error, trace.missing);
  const query::WhyDecision& last = why->decisions.back();
  std::string text =
      fmt::format("trace {} was dropped, {}", id,
                  last.policy.empty() ? "no policy asked for it" : "policy '" + last.policy + "' dropped it");
  text += why->reopen_until.is_set() ? fmt::format("; it can be taken back until {}: backstitch keep {}",
                                                   base::to_rfc3339(why->reopen_until), id)
                                     : "; its spans are gone";
  if (!trace.missing.empty()) text += fmt::format("; {} did not answer", query::names_of(trace.missing));
  return native_error({base::Errc::NotFound, std::move(text)}, trace.missing);
}

}  // namespace backstitch::api
