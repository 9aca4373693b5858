#include "store/embedded/outline.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <tuple>
#include <utility>

#include "wire/otlp/visit.h"

namespace backstitch::store::embedded {
namespace {

using model::AttributeLevel;
using wire::otlp::SpanOutline;

class OutlineBuilder final : public wire::otlp::TraceVisitor {
 public:
  explicit OutlineBuilder(const model::TraceId& id) : id_(id) {}

  void on_resource() override {
    has_service_name_ = false;
    enter_service("unknown_service");
  }

  void on_attribute(AttributeLevel level, std::string_view key, std::string_view any_value) override {
    outline_.attributes.push_back({level, key, any_value});
    if (level == AttributeLevel::Resource && key == "service.name" && !has_service_name_) name_service(any_value);
  }

  void on_span(const SpanOutline& span) override {
    if (span.trace_id != id_) return;
    note_times(span);
    Service& service = *service_;
    ++service.count.span_count;
    SummaryRow& row = outline_.summary;
    ++row.span_count;
    if (span.status == model::StatusCode::Error) {
      ++service.count.error_count;
      ++row.error_count;
    }
    const auto rank = std::tuple(span.parent_span_id.is_valid(), span.start, span.span_id);
    if (root_ == nullptr || rank < root_rank_) {
      root_ = service_;
      root_rank_ = rank;
      root_operation_ = span.name;
    }
    operations_.push_back({service_, span.name, span.kind});
  }

  bool has_span() const { return root_ != nullptr; }

  Outline finish() {
    SummaryRow& row = outline_.summary;
    row.root_service = root_->count.service;
    row.root_operation = root_operation_;
    for (const auto& [name, service] : services_) {
      if (service.count.span_count != 0) row.services.push_back(service.count);
    }
    std::ranges::sort(operations_, std::less(), as_tuple);
    const auto repeats = std::ranges::unique(operations_, std::equal_to(), as_tuple);
    operations_.erase(repeats.begin(), repeats.end());
    for (const Operation& operation : operations_) {
      row.operations.push_back(operation_hash(operation.name));
      outline_.operations.push_back({operation.service->count.service, operation.name, operation.kind});
    }
    std::ranges::sort(row.operations);
    const auto same = std::ranges::unique(row.operations);
    row.operations.erase(same.begin(), same.end());
    return std::move(outline_);
  }

 private:
  struct Service {
    model::ServiceCount count;
  };
  struct Operation {
    const Service* service;
    std::string_view name;
    model::SpanKind kind;
  };
  static std::tuple<std::string_view, std::string_view, model::SpanKind> as_tuple(const Operation& operation) {
    return {operation.service->count.service, operation.name, operation.kind};
  }

  void enter_service(std::string_view name) {
    auto found = services_.find(name);
    if (found == services_.end()) {
      found = services_.emplace(std::string(name), Service()).first;
      found->second.count.service = name;
    }
    service_ = &found->second;
  }

  // As Resource::service() puts it.
  void name_service(std::string_view any_value) {
    has_service_name_ = true;
    const std::string name = wire::otlp::text_of(any_value);
    if (!name.empty()) enter_service(name);
  }

  void note_times(const SpanOutline& span) {
    SummaryRow& row = outline_.summary;
    const model::Duration duration = base::elapsed(span.start, span.end);
    const bool is_first = row.span_count == 0;
    outline_.start = is_first ? span.start : std::min(outline_.start, span.start);
    row.end = std::max({row.end, span.start, span.end});
    row.duration_min = is_first ? duration : std::min(row.duration_min, duration);
    row.duration_max = is_first ? duration : std::max(row.duration_max, duration);
  }

  const model::TraceId id_;
  Outline outline_;
  std::map<std::string, Service, std::less<>> services_;  // a node's address stays
  const Service* root_ = nullptr;
  std::tuple<bool, model::Timestamp, model::SpanId> root_rank_;
  std::string_view root_operation_;
  std::vector<Operation> operations_;
  Service* service_ = nullptr;  // of the resource at hand
  bool has_service_name_ = false;
};

std::unexpected<base::Error> malformed(const model::TraceId& id, std::string_view why) {
  return base::fail(base::Errc::Malformed, fmt::format("trace {}: {}", id.to_hex(), why));
}

}  // namespace

base::Result<Outline> outline_of(const SealedTrace& sealed) {
  OutlineBuilder builder(sealed.id);
  const auto seen = wire::otlp::visit(sealed.otlp, builder);
  if (!seen) return malformed(sealed.id, seen.error().message);
  if (!builder.has_span()) return malformed(sealed.id, "no span of it");
  return builder.finish();
}

}  // namespace backstitch::store::embedded
