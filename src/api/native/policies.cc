#include "api/native/policies.h"

#include <memory>
#include <utility>

#include "api/native/answers.h"

namespace backstitch::api {
namespace {

using base::JsonWriter;

struct Figure {
  const char* field;
  const char* metric;
  base::Labels labels = {};
};

// Since the process started, but for what is in grace, which is now.
const Figure kFigures[] = {
    {"kept", "backstitch_sampling_decisions", {{"verdict", "kept"}}},
    {"dropped", "backstitch_sampling_decisions", {{"verdict", "dropped"}}},
    {"early", "backstitch_sampling_early_decisions"},
    {"reopened", "backstitch_sampling_reopened"},
    {"regretted", "backstitch_sampling_regretted"},
    {"lateSpans", "backstitch_sampling_late_spans"},
    {"failures", "backstitch_sampling_policy_failures"},
    {"graceTraces", "backstitch_grace_traces"},
    {"graceBytes", "backstitch_grace_bytes"},
    {"graceCut", "backstitch_grace_cut"},
};

uint64_t count_of(const base::Metrics& metrics, const char* name, const base::Labels& labels) {
  return static_cast<uint64_t>(metrics.value(name, labels).value_or(0));
}

void write_texts(JsonWriter& json, std::string_view name, const std::vector<std::string>& texts) {
  json.key(name);
  json.begin_array();
  for (const std::string& text : texts) json.value(std::string_view(text));
  json.end_array();
}

net::HttpResponse tell_policies(const PoliciesInForce& in_force, const base::Metrics& metrics) {
  return json_object([&](JsonWriter& json) {
    json.field("summary", std::string_view(in_force.summary));
    json.key("policies");
    json.begin_array();
    for (const PolicyInForce& policy : in_force.policies) {
      json.begin_object();
      json.field("name", std::string_view(policy.name));
      json.field("type", std::string_view(policy.type));
      json.field("asked", std::string_view(policy.asked));
      json.field("says", std::string_view(policy.says));
      write_texts(json, "warnings", policy.warnings);
      json.field("decided", count_of(metrics, "backstitch_sampling_policy_decisions", {{"policy", policy.name}}));
      json.end_object();
    }
    json.end_array();
    write_texts(json, "notes", in_force.notes);
    json.key("figures");
    json.begin_object();
    for (const Figure& one : kFigures) json.field(one.field, count_of(metrics, one.metric, one.labels));
    json.end_object();
  });
}

}  // namespace

void add_policy_routes(net::HttpRouter& router, const base::Metrics& metrics, PoliciesInForce policies) {
  const auto shared = std::make_shared<const PoliciesInForce>(std::move(policies));
  router.add("GET", "/api/bs/v1/policies", [shared, &metrics](net::HttpRequest&, const net::HttpRouter::Captures&) {
    return tell_policies(*shared, metrics);
  });
}

}  // namespace backstitch::api
