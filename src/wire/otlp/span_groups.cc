#include "wire/otlp/span_groups.h"

#include <absl/container/flat_hash_map.h>

namespace backstitch::wire::otlp {

std::vector<SpanGroup> group_by_resource(const model::SpanSet& set) {
  std::vector<SpanGroup> groups;
  absl::flat_hash_map<uint32_t, size_t> group_of;
  absl::flat_hash_map<std::pair<uint32_t, uint32_t>, size_t> scope_of;
  for (const model::Span& span : set.spans) {
    const auto [group, is_new_group] = group_of.try_emplace(span.resource, groups.size());
    if (is_new_group) groups.push_back({span.resource, {}});
    std::vector<SpanGroup::Scope>& scopes = groups[group->second].scopes;
    const auto [scope, is_new_scope] = scope_of.try_emplace({span.resource, span.scope}, scopes.size());
    if (is_new_scope) scopes.push_back({span.scope, {}});
    scopes[scope->second].spans.push_back(&span);
  }
  return groups;
}

}  // namespace backstitch::wire::otlp
