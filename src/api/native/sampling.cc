#include "api/native/sampling.h"

#include <fmt/format.h>

#include "api/native/answers.h"
#include "api/native/why.h"
#include "base/rfc3339.h"

namespace backstitch::api {

net::HttpResponse tell_why(const SamplingQuestions& sampling, const std::string& id_text) {
  const auto id = model::TraceId::from_hex(id_text);
  if (!id) return native_error(id.error());
  const auto why = sampling.why(*id);
  return why ? why_response(*why) : native_error(why.error());
}

std::string keep_target(const model::TraceId& id) { return fmt::format("/api/bs/v1/traces/{}/keep", id.to_hex()); }

net::HttpResponse keep_trace(const SamplingQuestions& sampling, const std::string& id_text) {
  const auto id = model::TraceId::from_hex(id_text);
  if (!id) return native_error(id.error());
  if (const auto kept = sampling.keep(*id); !kept) return native_error(kept.error());
  return json_object([&](base::JsonWriter& json) {
    json.field("traceId", id->to_hex());
    json.field("kept", true);
  });
}

net::HttpResponse not_found_response(const SamplingQuestions& sampling, const model::TraceId& id,
                                     const base::Error& not_found) {
  const auto why = sampling.why ? sampling.why(id) : base::Result<query::TraceWhy>();
  if (!why || why->decisions.empty() || why->was_kept()) return native_error(not_found);
  const query::WhyDecision& last = why->decisions.back();
  const std::string by = last.policy.empty() ? "no policy asked for it" : "policy '" + last.policy + "' dropped it";
  const std::string back = why->reopen_until.is_set()
                               ? fmt::format("; it can be taken back until {}: backstitch keep {}",
                                             base::to_rfc3339(why->reopen_until), id.to_hex())
                               : "; its spans are gone";
  return native_error({base::Errc::NotFound, fmt::format("trace {} was dropped, {}{}", id.to_hex(), by, back)});
}

}  // namespace backstitch::api
