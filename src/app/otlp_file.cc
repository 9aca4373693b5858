#include "app/otlp_file.h"

#include <algorithm>
#include <fmt/format.h>
#include <set>

#include "wire/otlp/decode.h"
#include "wire/otlp/json.h"

namespace backstitch::app {

using base::Errc;
using base::fail;
using base::Result;

namespace {

constexpr char kResourceSpansTag = 0x0a;

bool take_varint(std::string_view& bytes, uint64_t& value) {
  value = 0;
  for (int shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<uint8_t>(bytes.front());
    bytes.remove_prefix(1);
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

// The ResourceSpans fields (tag and length included) of `request`, if it holds nothing else.
bool take_resource_spans(std::string_view request, std::vector<std::string_view>& fields) {
  while (!request.empty()) {
    const std::string_view before = request;
    uint64_t size = 0;
    if (request.front() != kResourceSpansTag) return false;
    request.remove_prefix(1);
    if (!take_varint(request, size) || size > request.size()) return false;
    request.remove_prefix(size);
    fields.push_back(before.substr(0, before.size() - request.size()));
  }
  return true;
}

// The same of a file of requests, each behind its length.
bool take_framed(std::string_view content, std::vector<std::string_view>& fields) {
  while (!content.empty()) {
    uint64_t size = 0;
    if (!take_varint(content, size) || size > content.size()) return false;
    if (!take_resource_spans(content.substr(0, size), fields)) return false;
    content.remove_prefix(size);
  }
  return true;
}

Result<std::vector<std::string>> split_json(std::string_view content) {
  // One object over many lines, or one object a line: a line that is whole tells.
  std::vector<std::string> requests;
  if (const Result<model::SpanSet> whole = wire::otlp::decode_request_json(content)) {
    requests.push_back(wire::otlp::encode_request(*whole));
    return requests;
  }
  size_t number = 0;
  while (!content.empty()) {
    const std::string_view line = content.substr(0, content.find('\n'));
    content.remove_prefix(std::min(line.size() + 1, content.size()));
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const Result<model::SpanSet> spans = wire::otlp::decode_request_json(line);
    if (!spans) return fail(spans.error().code, fmt::format("line {}: {}", number, spans.error().message));
    requests.push_back(wire::otlp::encode_request(*spans));
  }
  return requests;
}

}  // namespace

Result<std::vector<std::string>> split_requests(std::string_view content, size_t bytes_max) {
  const size_t first = content.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return fail(Errc::Malformed, "the file is empty");
  if (content[first] == '{') return split_json(content);
  std::vector<std::string_view> fields;
  if (!take_resource_spans(content, fields)) {
    fields.clear();
    if (!take_framed(content, fields)) {
      return fail(Errc::Malformed,
                  "this is neither OTLP/JSON nor an OTLP request in protobuf, alone or behind its length");
    }
  }
  std::vector<std::string> requests;
  for (const std::string_view field : fields) {
    if (requests.empty() || requests.back().size() + field.size() > bytes_max) requests.emplace_back();
    requests.back() += field;
  }
  return requests;
}

Result<model::Trace> find_trace(std::string_view content, const model::TraceId& id) {
  const Result<std::vector<std::string>> requests = split_requests(content, content.size() + 1);
  if (!requests) return std::unexpected(requests.error());
  std::string joined;  // concatenated requests are one request
  for (const std::string& request : *requests) joined += request;
  const Result<model::SpanSet> spans = wire::otlp::decode_request(joined);
  if (!spans) return std::unexpected(spans.error());
  std::set<model::TraceId> ids;
  for (const model::Span& span : spans->spans) ids.insert(span.trace_id);
  if (!id.is_valid() && ids.size() > 1) {
    constexpr size_t kShown = 10;
    std::string list;
    for (const model::TraceId& known : ids) {
      if (std::ranges::count(list, '\n') == kShown) break;
      list += "\n  " + known.to_hex();
    }
    return fail(Errc::InvalidArgument,
                fmt::format("the file holds {} traces; choose one with --id, such as{}", ids.size(), list));
  }
  if (ids.empty() || (id.is_valid() && !ids.contains(id))) return fail(Errc::NotFound, "the file has no such trace");
  return wire::otlp::decode_trace(id.is_valid() ? id : *ids.begin(), joined);
}

}  // namespace backstitch::app
