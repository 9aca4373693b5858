#include "exporter/exporter.h"

#include <algorithm>
#include <fmt/format.h>
#include <mutex>
#include <utility>
#include <vector>

#include "exporter/handed_on.h"
#include "exporter/sender.h"
#include "log/log.h"
#include "route/member_link.h"
#include "wire/otlp/split.h"

namespace backstitch::exporter {

using base::Errc;
using base::fail;
using base::Result;

namespace {

constexpr const char* kQueueName = "export";

struct Messages {
  std::vector<std::string> requests;
  uint64_t cut_traces = 0;
};

// Fields of one message stand behind the other, so TracesData behind TracesData is a request.
Result<Messages> to_messages(std::span<const store::SealedTrace> batch, uint64_t bytes_max) {
  wire::otlp::Splitter splitter({});
  Messages made;
  std::string together;
  for (const store::SealedTrace& trace : batch) {
    auto cut = splitter.cut(trace.otlp, bytes_max);
    if (!cut) return fail(cut.error().code, fmt::format("trace {}: {}", trace.id.to_hex(), cut.error().message));
    if (cut->spans == 0) return fail(Errc::Malformed, fmt::format("trace {} holds no span", trace.id.to_hex()));
    if (!together.empty() && together.size() + trace.otlp.size() > bytes_max) {
      made.requests.push_back(std::exchange(together, {}));
    }
    if (cut->parts.size() == 1) {
      together += trace.otlp;
      continue;
    }
    ++made.cut_traces;
    for (wire::otlp::RequestPart& part : cut->parts) made.requests.push_back(std::move(part.bytes));
  }
  if (!together.empty()) made.requests.push_back(std::move(together));
  return made;
}

class QueuedExporter final : public Exporter {
 public:
  QueuedExporter(ExporterOptions options, ExporterWorld world)
      : options_(std::move(options)),
        world_(std::move(world)),
        traces_(world_.metrics.counter("backstitch_export_traces", "Kept traces, by fragment, that a backend gets")),
        cut_traces_(world_.metrics.counter("backstitch_export_cut_traces",
                                           "Of these, those that are larger than a request may be")) {}
  ~QueuedExporter() override {
    world_.metrics.gauge("backstitch_export_remembered_traces", "", [] { return 0.0; });
  }

  Result<> open() {
    auto handed_on = HandedOn::open(world_.journal);
    if (!handed_on) return std::unexpected(handed_on.error());
    handed_on_ = std::move(*handed_on);
    options_.queue.name = kQueueName;
    auto queue = route::DurableQueue::open(options_.queue, {world_.files, world_.clock, world_.metrics});
    if (!queue) return std::unexpected(queue.error());
    queue_ = std::move(*queue);
    world_.metrics.gauge("backstitch_export_remembered_traces", "Exported traces of which the log may have records",
                         [this] { return static_cast<double>(handed_on_->trace_count()); });
    link_ = std::make_unique<route::MemberLink>(
        route::MemberLinkOptions{.name = to_string(options_.connection.endpoint),
                                 .timeout = options_.connection.timeout,
                                 .connections = options_.connections,
                                 .seed = options_.queue.seed,
                                 .metrics = "backstitch_export",
                                 .label = "backend",
                                 .connect = [connection = options_.connection] { return connect(connection); },
                                 .is_foreign = true},
        world_.clock, world_.metrics);
    SenderOptions sender{.request_bytes_max = options_.request_bytes_max,
                         .under_way_max = options_.connections,
                         .headers = options_.headers,
                         .tell = options_.tell};
    sender_ = std::make_unique<Sender>(*queue_, *link_, std::move(sender), Sender::World{world_.clock, world_.metrics});
    sender_->start();
    return {};
  }

  // --- TraceStore

  Result<> append(std::span<const store::SealedTrace> batch) override {
    if (batch.empty() || is_repeated(batch)) return {};
    auto messages = to_messages(batch, options_.request_bytes_max);
    if (!messages) return std::unexpected(messages.error());
    if (auto fitting = check_sizes(messages->requests); !fitting) return fitting;
    const std::lock_guard lock(append_mutex_);
    std::vector<Key> keys;
    for (const store::SealedTrace& trace : batch) keys.emplace_back(trace.id, trace.covered_sequence);
    if (keys != begun_) pushed_ = 0;
    begun_ = std::move(keys);
    for (; pushed_ < messages->requests.size(); ++pushed_) {
      if (auto pushed = queue_->push(messages->requests[pushed_]); !pushed) return pushed;
    }
    if (options_.queue.sync == log::Sync::Interval) {
      if (auto synced = queue_->sync(); !synced) return synced;
    }
    if (auto noted = handed_on_->add(batch); !noted) return noted;
    begun_.clear();
    traces_.add(batch.size());
    cut_traces_.add(messages->cut_traces);
    return {};
  }
  Result<uint64_t> covered_sequence(const model::TraceId& id, uint64_t /*from*/) override {
    return handed_on_->covered(id);
  }
  Result<uint64_t> highest_sequence() override { return handed_on_->highest(); }
  // Retention is the backend's.
  Result<uint64_t> remove_sealed_before(model::Timestamp /*sealed_at*/, uint32_t /*max*/) override { return 0; }
  Result<uint64_t> remove_oldest(uint32_t /*max*/) override { return 0; }
  Result<bool> maintain(std::stop_token /*stop*/) override {
    if (auto compacted = handed_on_->compact(world_.oldest_in_log()); !compacted) {
      return std::unexpected(compacted.error());
    }
    return false;
  }
  Result<std::optional<store::TimeRange>> time_range() override { return std::nullopt; }
  uint64_t disk_bytes() const override { return queue_->bytes() + handed_on_->journal_bytes(); }

  // --- TraceReader: of something empty

  std::vector<Result<model::Trace>> find_all(std::span<const model::TraceId> ids) override {
    std::vector<Result<model::Trace>> none;
    for (const model::TraceId& id : ids) {
      none.push_back(fail(Errc::NotFound, fmt::format("no trace {} is stored here", id.to_hex())));
    }
    return none;
  }
  Result<std::vector<uint32_t>> fragment_counts(std::span<const model::TraceId> ids) override {
    return std::vector<uint32_t>(ids.size());
  }
  Result<store::SearchResult> search(const store::TraceQuery& /*query*/) override { return store::SearchResult{}; }
  Result<store::MetricsResult> metrics(const store::MetricsQuery& query) override {
    return store::MetricsResult{.series = traceql::MetricsPartial(query.plan)};
  }
  Result<std::vector<std::string>> services() override { return std::vector<std::string>(); }
  Result<std::vector<store::Operation>> operations(const std::string& /*service*/) override {
    return std::vector<store::Operation>();
  }
  Result<std::vector<store::AttributeName>> attribute_names(uint32_t /*limit*/) override {
    return std::vector<store::AttributeName>();
  }
  Result<std::vector<std::string>> attribute_values(const store::AttributeName& /*name*/, uint32_t /*limit*/) override {
    return std::vector<std::string>();
  }
  Result<store::StoreStats> stats() override { return store::StoreStats{}; }

  // --- Exporter

  Result<> flush(base::Duration wait) override {
    if (sender_->flush(wait)) return {};
    return fail(Errc::Unavailable, fmt::format("{} requests wait for {}; they stay in {} for the next start",
                                               queue_->size(), backend(), options_.queue.directory));
  }
  std::string backend() const override { return to_string(options_.connection.endpoint); }

 private:
  using Key = std::pair<model::TraceId, uint64_t>;

  // Of a batch with one that is refused for good the others come one by one, and all of them anew after a full queue.
  bool is_repeated(std::span<const store::SealedTrace> batch) const {
    const store::SealedTrace& first = batch.front();
    return batch.size() == 1 && first.covered_sequence != 0 && handed_on_->covered(first.id) == first.covered_sequence;
  }

  // Before any is queued: the others of the batch come again.
  Result<> check_sizes(const std::vector<std::string>& requests) const {
    for (const std::string& request : requests) {
      if (request.size() <= queue_->message_bytes_max()) continue;
      return fail(Errc::TooLarge, fmt::format("a span of {} bytes never fits export.max_bytes", request.size()));
    }
    return {};
  }

  ExporterOptions options_;
  const ExporterWorld world_;
  base::Counter& traces_;
  base::Counter& cut_traces_;
  std::unique_ptr<HandedOn> handed_on_;
  std::unique_ptr<route::DurableQueue> queue_;
  std::unique_ptr<route::MemberLink> link_;
  std::unique_ptr<Sender> sender_;

  std::mutex append_mutex_;
  // A batch that failed half way is tried again: what is in the queue already goes there once. Guarded by
  // append_mutex_.
  std::vector<Key> begun_;
  size_t pushed_ = 0;
};

}  // namespace

Result<std::unique_ptr<Exporter>> Exporter::start(ExporterOptions options, ExporterWorld world) {
  auto exporter = std::make_unique<QueuedExporter>(std::move(options), std::move(world));
  if (auto opened = exporter->open(); !opened) return std::unexpected(opened.error());
  return exporter;
}

}  // namespace backstitch::exporter
