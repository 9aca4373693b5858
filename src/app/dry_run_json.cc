#include "app/dry_run_text.h"
#include "base/json_writer.h"

namespace backstitch::app {
namespace {

using base::JsonWriter;
using sample::DryRun;
using sample::DryRunChange;
using sample::DryRunPolicy;
using sample::DryRunSide;
using sample::DryRunTrace;

template <typename T>
void write_amount(JsonWriter& json, std::string_view name, const T& amount) {
  json.key(name);
  json.begin_object();
  json.field("traces", amount.traces);
  json.field("spans", amount.spans);
  json.field("bytes", amount.bytes);
  json.end_object();
}

void write_side(JsonWriter& json, std::string_view name, const std::string& label, const DryRunSide& side) {
  json.key(name);
  json.begin_object();
  json.field("policies", std::string_view(label));
  write_amount(json, "kept", side.kept);
  write_amount(json, "estimated", side.estimated);
  json.key("votes");
  json.begin_array();
  for (const DryRunPolicy& policy : side.policies) {
    json.begin_object();
    json.field("policy", std::string_view(policy.name));
    json.field("first", policy.decided);
    json.field("voted", policy.voted);
    json.field("alone", policy.alone);
    json.end_object();
  }
  json.end_array();
  json.end_object();
}

void write_trace(JsonWriter& json, const DryRunTrace& one) {
  json.begin_object();
  json.field("traceId", one.id.to_hex());
  json.field("service", std::string_view(one.service));
  json.field("operation", std::string_view(one.operation));
  json.quoted_field("startTimeUnixNano", one.start.unix_nanos);
  json.quoted_field("durationNano", static_cast<int64_t>(one.duration.count()));
  json.field("spanCount", one.span_count);
  json.field("errorCount", one.error_count);
  json.field("slow", one.is_slow);
  json.field("policy", std::string_view(one.policy));
  json.end_object();
}

void write_change(JsonWriter& json, std::string_view name, const DryRunChange& change) {
  json.key(name);
  json.begin_object();
  json.field("traces", change.traces);
  json.field("withErrors", change.with_errors);
  json.field("slow", change.slow);
  json.key("examples");
  json.begin_array();
  for (const DryRunTrace& one : change.examples) write_trace(json, one);
  json.end_array();
  json.end_object();
}

}  // namespace

std::string dry_run_json(const DryRun& run, const DryRunSetting& setting) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  json.key("traffic");
  json.begin_object();
  json.field("from", std::string_view(setting.traffic));
  json.field("traces", run.traffic.traces);
  json.field("spans", run.traffic.spans);
  json.field("bytes", run.traffic.bytes);
  json.field("withErrors", run.with_errors);
  json.quoted_field("startTimeUnixNano", run.start.unix_nanos);
  json.quoted_field("endTimeUnixNano", run.end.unix_nanos);
  json.quoted_field("slowFromNano", static_cast<int64_t>(run.slow_from.count()));
  json.field("sampled", run.is_weighted);
  write_amount(json, "estimated", run.estimated);
  json.end_object();
  write_side(json, "now", setting.now, run.now);
  write_side(json, "then", setting.then, run.then);
  write_change(json, "lost", run.lost);
  write_change(json, "gained", run.gained);
  json.key("warnings");
  json.begin_array();
  for (const std::string& warning : setting.warnings) json.value(std::string_view(warning));
  json.end_array();
  json.end_object();
  return out;
}

}  // namespace backstitch::app
