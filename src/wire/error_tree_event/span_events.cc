#include "wire/error_tree_event/span_events.h"

#include <optional>
#include <string>
#include <utility>

#include "base/base64.h"
#include "wire/error_tree/binary.h"
#include "wire/error_tree/bounds.h"

namespace backstitch::wire::error_tree {
namespace {

std::optional<model::ErrorTree> tree_of(const model::Event& event) {
  const model::Value* value = find(event.attributes, "tree");
  if (value == nullptr) return std::nullopt;
  std::optional<std::string> decoded;
  std::string_view bytes;
  if (const auto* raw = value->as<model::Bytes>()) {
    bytes = raw->data;
  } else if (const auto* text = value->as<std::string>(); text != nullptr && text->size() <= 2 * kDecodeBytesMax) {
    decoded = base::from_base64(*text);
    if (decoded) bytes = *decoded;
  }
  auto tree = decode_binary(bytes);
  if (!tree) return std::nullopt;
  return std::move(tree->tree);
}

std::optional<model::ReportedErrorTree> report_of(const model::Event& event, size_t span) {
  auto tree = tree_of(event);
  if (!tree) return std::nullopt;
  model::ReportedErrorTree report{.span = span, .tree = std::move(*tree), .lateness = {}, .committed = {}};
  const model::Value* lateness = find(event.attributes, "backstitch.lateness_ns");
  if (const auto* nanos = lateness == nullptr ? nullptr : lateness->as<int64_t>()) {
    report.lateness = std::chrono::nanoseconds(*nanos);
  }
  const model::Value* committed = find(event.attributes, "backstitch.committed");
  if (const bool* flag = committed == nullptr ? nullptr : committed->as<bool>()) report.committed = *flag;
  return report;
}

}  // namespace

ReportedTrees reported_trees(const model::SpanSet& set) {
  ReportedTrees found;
  for (size_t i = 0; i < set.spans.size(); ++i) {
    for (const model::Event& event : set.spans[i].events) {
      if (event.name != kEventName) continue;
      auto report = report_of(event, i);
      if (report) {
        found.trees.push_back(std::move(*report));
        break;
      }
      ++found.refused;
    }
  }
  return found;
}

}  // namespace backstitch::wire::error_tree
