#include "src/request_encoder.h"

#include <algorithm>

#include "src/encode_attributes.h"
#include "src/proto.h"
#include "src/provider_state.h"
#include "src/text.h"
#include "wire/otlp/otlp_fields.h"

namespace backstitch::sdk {
namespace {

using namespace wire::otlp;  // the names of fields

constexpr uint32_t kAttributesMax = 1024;  // what servers take; a resource and a scope have no limit of their own
constexpr uint32_t kValueLengthMax = 65'536;

AttributeList list_of(uint32_t field) {
  return {.field = field, .count_max = kAttributesMax, .length_max = kValueLengthMax};
}

// Spans of one tracer, one after the other in the batch.
struct ScopeGroup {
  const TracerState* tracer;
  std::span<SpanRecording* const> spans;
  size_t body_size = 0;  // of ScopeSpans
};

size_t size_of(const ScopeGroup& group) {
  size_t size = proto::bytes_size(kScopeSpansScope, group.tracer->scope().size());
  for (const SpanRecording* span : group.spans) size += span->encoded_size();
  const size_t url_size = group.tracer->schema_url().size();
  return size + (url_size == 0 ? 0 : proto::bytes_size(kScopeSpansSchemaUrl, url_size));
}

// Groups by tracer; inside a group spans keep their order.
std::vector<ScopeGroup> group_by_tracer(std::vector<SpanRecording*>& spans) {
  const auto tracer_of = [](const SpanRecording* span) { return &span->tracer(); };
  std::ranges::stable_sort(spans, std::less<const TracerState*>(), tracer_of);
  std::vector<ScopeGroup> groups;
  for (size_t begin = 0, end; begin < spans.size(); begin = end) {
    const TracerState* const tracer = tracer_of(spans[begin]);
    for (end = begin; end < spans.size() && tracer_of(spans[end]) == tracer; ++end) {
    }
    groups.push_back({.tracer = tracer, .spans = std::span(spans).subspan(begin, end - begin)});
    groups.back().body_size = size_of(groups.back());
  }
  return groups;
}

char* put(const ScopeGroup& group, char* out) {
  out = proto::put_head(kResourceSpansScopeSpans, group.body_size, out);
  out = proto::put_bytes(kScopeSpansScope, group.tracer->scope(), out);
  for (const SpanRecording* span : group.spans) out = span->encode(out);
  const std::string_view url = group.tracer->schema_url();
  return url.empty() ? out : proto::put_bytes(kScopeSpansSchemaUrl, url, out);
}

}  // namespace

std::string encode_resource(const Resource& resource, const DropSnapshot& dropped) {
  InlineBuffer<512> out;
  AttributeList list = list_of(kResourceAttributes);
  for (const auto& [key, value] : resource.attributes) {
    std::visit([&](const auto& plain) { add_attribute(key, AttributeValue(plain), list, out); }, value);
  }
  for (size_t i = 0; i < kDropReasonCount; ++i) {
    if (dropped[i] == 0) continue;
    const std::string key = "backstitch.sdk.dropped." + std::string(to_string(static_cast<DropReason>(i)));
    add_attribute(key, dropped[i], list, out);
  }
  return std::string(out.view());
}

std::string encode_scope(std::string_view name, std::string_view version, Attributes attributes) {
  std::string storage;
  InlineBuffer<256> list;
  AttributeList counts = list_of(kScopeAttributes);
  add_attributes(attributes, counts, list);
  std::string out;
  for (const auto& [field, text] : {std::pair(kScopeName, name), std::pair(kScopeVersion, version)}) {
    if (text.empty()) continue;
    const std::string_view cleaned = clean(text, text.size(), storage);
    const size_t begin = out.size();
    out.resize(begin + proto::bytes_size(field, cleaned.size()));
    proto::put_bytes(field, cleaned, out.data() + begin);
  }
  return out.append(list.view());
}

void encode_request(std::string_view resource, std::string_view schema_url, std::span<SpanRecording* const> spans,
                    std::string& out) {
  std::vector<SpanRecording*> sorted(spans.begin(), spans.end());
  const std::vector<ScopeGroup> groups = group_by_tracer(sorted);
  size_t size = proto::bytes_size(kResourceSpansResource, resource.size());
  for (const ScopeGroup& group : groups) size += proto::bytes_size(kResourceSpansScopeSpans, group.body_size);
  if (!schema_url.empty()) size += proto::bytes_size(kResourceSpansSchemaUrl, schema_url.size());
  out.clear();
  out.resize(proto::bytes_size(kRequestResourceSpans, size));
  char* at = proto::put_head(kRequestResourceSpans, size, out.data());
  at = proto::put_bytes(kResourceSpansResource, resource, at);
  for (const ScopeGroup& group : groups) at = put(group, at);
  if (!schema_url.empty()) proto::put_bytes(kResourceSpansSchemaUrl, schema_url, at);
}

}  // namespace backstitch::sdk
