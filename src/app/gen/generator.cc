#include "app/gen/generator.h"

#include <algorithm>
#include <set>

#include "base/json_writer.h"

namespace backstitch::app::gen {

using base::Timestamp;

namespace {

// Collector mode: so many requests are filled side by side, each service going into one of them, so that a trace's
// spans reach the server in a few requests, as they do when processes flush at different times.
constexpr size_t kLanes = 4;

constexpr char kResourceSpansTag = 0x0a;  // ExportTraceServiceRequest.resource_spans
constexpr char kResourceTag = 0x0a;       // ResourceSpans.resource
constexpr char kScopeSpansTag = 0x12;     // ResourceSpans.scope_spans
constexpr char kScopeTag = 0x0a;          // ScopeSpans.scope
constexpr std::string_view kSchemaUrl = "https://opentelemetry.io/schemas/1.27.0";
constexpr char kSchemaUrlTag = 0x1a;  // of ResourceSpans and ScopeSpans

size_t field_size(size_t content) { return 1 + varint_size(content) + content; }

void append_head(std::string& out, char tag, size_t content) {
  char head[11] = {tag};
  out.append(head, write_varint(content, head + 1));
}

}  // namespace

// One request in progress: span bytes per service instance and scope.
class Generator::Batch {
 public:
  explicit Batch(const Shop& shop) : shop_(shop) {}

  // Where the span's bytes go.
  std::string& group(uint16_t service, uint8_t instance, uint16_t scope) {
    const size_t key = (static_cast<size_t>(service) * kInstancesMax + instance) * kScopesMax + scope;
    if (groups_.size() <= key) groups_.resize(key + 1);
    return groups_[key];
  }
  void count(const model::TraceId& trace) {
    ++span_count_;
    if (parts_.empty() || parts_.back().trace != trace) parts_.push_back({trace, 0});
    ++parts_.back().span_count;
  }
  uint32_t span_count() const { return span_count_; }

  // Empties this; its memory stays.
  GeneratedRequest take();

 private:
  static constexpr size_t kScopesMax = 8;
  void append_resource(size_t first_group, std::string& out);

  const Shop& shop_;
  std::vector<std::string> groups_;
  std::vector<GeneratedRequest::Part> parts_;
  uint32_t span_count_ = 0;
};

GeneratedRequest Generator::Batch::take() {
  GeneratedRequest request{.bytes = {}, .span_count = span_count_, .parts = std::move(parts_)};
  size_t size = 0;
  for (const std::string& group : groups_) size += group.size();
  request.bytes.reserve(size + size / 4 + 4096);
  for (size_t first = 0; first < groups_.size(); first += kScopesMax) append_resource(first, request.bytes);
  span_count_ = 0;
  parts_.clear();
  return request;
}

void Generator::Batch::append_resource(size_t first_group, std::string& out) {
  const size_t instance_number = first_group / kScopesMax;
  const Service& service = shop_.services[instance_number / kInstancesMax];
  const size_t scopes = std::min({kScopesMax, service.scopes.size(), groups_.size() - first_group});
  size_t content = 0;
  std::array<size_t, kScopesMax> scope_sizes{};
  for (size_t i = 0; i < scopes; ++i) {
    const std::string& spans = groups_[first_group + i];
    if (spans.empty()) continue;
    scope_sizes[i] = field_size(service.scopes[i].size()) + spans.size();
    content += field_size(scope_sizes[i]);
  }
  if (content == 0) return;
  const std::string& resource = service.resources[instance_number % kInstancesMax];
  content += field_size(resource.size()) + field_size(kSchemaUrl.size());
  append_head(out, kResourceSpansTag, content);
  append_head(out, kResourceTag, resource.size());
  out += resource;
  for (size_t i = 0; i < scopes; ++i) {
    std::string& spans = groups_[first_group + i];
    if (spans.empty()) continue;
    append_head(out, kScopeSpansTag, scope_sizes[i]);
    append_head(out, kScopeTag, service.scopes[i].size());
    out += service.scopes[i];
    out += spans;
    spans.clear();
  }
  append_head(out, kSchemaUrlTag, kSchemaUrl.size());
  out += kSchemaUrl;
}

Generator::Generator(GeneratorOptions options)
    : options_(options), shop_(Shop::make()), planner_(shop_, options.seed), encoder_(shop_) {
  const size_t batches = options_.grouping == Grouping::Collector ? kLanes : shop_->services.size() * kInstancesMax;
  for (size_t i = 0; i < batches; ++i) batches_.push_back(std::make_unique<Batch>(*shop_));
}

Generator::~Generator() = default;

void Generator::add_trace(std::optional<Timestamp> end) {
  trace_ = &planner_.plan();
  const double seconds = static_cast<double>(span_count_) / options_.spans_per_second;
  const auto jitter = static_cast<int64_t>(planner_.random().below(1'000'000));
  trace_start_ = end ? base::offset(*end, base::Duration(-trace_->duration))
                     : base::offset(options_.start, base::Duration(static_cast<int64_t>(seconds * 1e9) + jitter));
  for (size_t i = 0; i < trace_->spans.size(); ++i) {
    const PlannedSpan& span = trace_->spans[i];
    const Operation& operation = shop_->operations[span.operation];
    Batch& batch = batch_for(span);
    std::string& out = batch.group(operation.service, trace_->values.instances[operation.service], operation.scope);
    encoder_.append(*trace_, i, trace_start_, planner_.random(), out);
    batch.count(trace_->id);
    if (batch.span_count() == options_.batch_spans) close(batch);
  }
  span_count_ += trace_->spans.size();
  ++trace_count_;
}

Generator::Batch& Generator::batch_for(const PlannedSpan& span) {
  const size_t service = shop_->operations[span.operation].service;
  const size_t instance = trace_->values.instances[service];
  // Other services flush together in each trace, as timers drift.
  if (options_.grouping == Grouping::Collector) return *batches_[(service / 10 + trace_->id.bytes[15]) % kLanes];
  return *batches_[service * kInstancesMax + instance];
}

void Generator::close(Batch& batch) { ready_.push_back(batch.take()); }

std::optional<GeneratedRequest> Generator::take_request() {
  if (ready_.empty()) return std::nullopt;
  GeneratedRequest request = std::move(ready_.front());
  ready_.pop_front();
  return request;
}

void Generator::finish() {
  for (const auto& batch : batches_) {
    if (batch->span_count() != 0) close(*batch);
  }
}

TraceTruth Generator::truth() const {
  const Operation& root = shop_->operations[trace_->spans[0].operation];
  std::set<std::string> services;
  for (const PlannedSpan& span : trace_->spans) {
    services.insert(shop_->services[shop_->operations[span.operation].service].name);
  }
  return {.id = trace_->id,
          .root_service = shop_->services[root.service].name,
          .root_operation = root.name,
          .start = trace_start_,
          .duration = base::Duration(trace_->duration),
          .span_count = static_cast<uint32_t>(trace_->spans.size()),
          .error_count = trace_->error_count,
          .is_slow = trace_->is_slow,
          .services = {services.begin(), services.end()}};
}

std::string to_json(const TraceTruth& truth) {
  std::string out;
  base::JsonWriter json(out);
  json.begin_object();
  json.field("trace_id", truth.id.to_hex());
  json.field("spans", truth.span_count);
  json.field("root_service", truth.root_service);
  json.field("root_operation", truth.root_operation);
  json.field("errors", truth.error_count);
  json.field("slow", truth.is_slow);
  json.quoted_field("start_unix_nano", truth.start.unix_nanos);
  json.quoted_field("duration_nano", truth.duration.count());
  json.key("services");
  json.begin_array();
  for (const std::string& service : truth.services) json.value(service);
  json.end_array();
  json.end_object();
  return out;
}

}  // namespace backstitch::app::gen
