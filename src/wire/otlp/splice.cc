#include "wire/otlp/splice.h"

#include <algorithm>

#include "wire/otlp/cursor.h"

namespace backstitch::wire::otlp {
namespace {

constexpr size_t varint_size(uint64_t value) {
  size_t size = 1;
  while (value >= 0x80) {
    value >>= 7;
    ++size;
  }
  return size;
}

// Bytes that a length-delimited field takes; all fields here are below 16, so their tag is one byte.
constexpr size_t field_size(size_t length) { return 1 + varint_size(length) + length; }

void append_head(uint32_t field, size_t length, std::string& out) {
  out += static_cast<char>(tag_of(field, WireType::Bytes));
  for (; length >= 0x80; length >>= 7) out += static_cast<char>(length | 0x80);
  out += static_cast<char>(length);
}

void append_field(uint32_t field, std::string_view bytes, std::string& out) {
  append_head(field, bytes.size(), out);
  out += bytes;
}

size_t owner_size(size_t message_size, size_t schema_url_size) {
  return field_size(message_size) + (schema_url_size == 0 ? 0 : field_size(schema_url_size));
}

}  // namespace

TraceSplicer::ScopeGroup& TraceSplicer::group_for(const model::RequestDigest& digest, std::string_view payload,
                                                  uint32_t scope_index) {
  // The hash rules most out; the bytes decide, since whoever sends them may know how to make hashes meet.
  const auto is_same = [&](const Owner& owner, const auto& noted) {
    return owner.hash == noted.hash && owner.message == noted.message.of(payload) &&
           owner.schema_url == noted.schema_url.of(payload);
  };
  const auto owner_of = [&](const auto& noted) {
    return Owner{noted.hash, std::string(noted.message.of(payload)), std::string(noted.schema_url.of(payload))};
  };
  const model::ScopeDigest& scope = digest.scopes[scope_index];
  const model::ResourceDigest& resource = digest.resources[scope.resource];
  // A trace has few services: a linear search beats a map.
  auto group = std::find_if(resources_.begin(), resources_.end(),
                            [&](const ResourceGroup& one) { return is_same(one.resource, resource); });
  if (group == resources_.end()) group = resources_.insert(group, {owner_of(resource), {}});
  auto& scopes = group->scopes;
  auto found =
      std::find_if(scopes.begin(), scopes.end(), [&](const ScopeGroup& one) { return is_same(one.scope, scope); });
  if (found == scopes.end()) found = scopes.insert(found, {owner_of(scope), {}});
  return *found;
}

void TraceSplicer::add(const model::RequestDigest& digest, std::string_view payload, uint32_t first_span,
                       uint32_t span_count) {
  ScopeGroup* group = nullptr;
  uint32_t group_scope = 0;
  for (uint32_t i = first_span; i < first_span + span_count; ++i) {
    const model::SpanDigest& span = digest.spans[i];
    if (group == nullptr || group_scope != span.scope) {
      group = &group_for(digest, payload, span.scope);
      group_scope = span.scope;
    }
    append_field(2, span.message.of(payload), group->spans);
  }
}

std::string TraceSplicer::finish() {
  // Lengths stand before what they measure, so sizes first, from the inside out.
  const auto scope_size = [](const ScopeGroup& group) {
    return owner_size(group.scope.message.size(), group.scope.schema_url.size()) + group.spans.size();
  };
  std::vector<size_t> resource_sizes;
  size_t total = 0;
  for (const ResourceGroup& group : resources_) {
    size_t size = owner_size(group.resource.message.size(), group.resource.schema_url.size());
    for (const ScopeGroup& scope : group.scopes) size += field_size(scope_size(scope));
    resource_sizes.push_back(size);
    total += field_size(size);
  }

  std::string out;
  out.reserve(total);
  for (size_t i = 0; i < resources_.size(); ++i) {
    const ResourceGroup& group = resources_[i];
    append_head(1, resource_sizes[i], out);
    append_field(1, group.resource.message, out);
    for (const ScopeGroup& scope : group.scopes) {
      append_head(2, scope_size(scope), out);
      append_field(1, scope.scope.message, out);
      out += scope.spans;
      if (!scope.scope.schema_url.empty()) append_field(3, scope.scope.schema_url, out);
    }
    if (!group.resource.schema_url.empty()) append_field(3, group.resource.schema_url, out);
  }
  resources_.clear();
  return out;
}

}  // namespace backstitch::wire::otlp
