// Any change to a block's pages and index, its checksums made right again: whoever reads, searches or merges it refuses
// what is broken, and nothing else happens.
//
// The first byte chooses where the changes go, then come four bytes for each: three of a place, one to combine with
// what is there.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes_file_testing.h"
#include "base/crc32c.h"
#include "store/block/block.h"
#include "store/block/block_writer.h"
#include "store/block/scan/metrics.h"
#include "store/block/scan/search.h"
#include "store/block/span_reader.h"
#include "store/embedded/merge.h"
#include "traceql/parse.h"
#include "wire/otlp/decode.h"

namespace {

using namespace backstitch;                // NOLINT(google-build-using-namespace): one small program
using namespace backstitch::store::block;  // NOLINT(google-build-using-namespace)

model::Span sample_span(const model::TraceId& trace, uint8_t number) {
  model::Span span{.trace_id = trace, .name = number % 3 == 0 ? "GET /cart" : "SELECT"};
  span.span_id.bytes[7] = number;
  span.parent_span_id.bytes[7] = static_cast<uint8_t>(number / 2);
  if (number % 7 == 6) span.parent_span_id.bytes[0] = 9;  // an orphan
  span.kind = static_cast<model::SpanKind>(number % 6);
  span.start = {1'700'000'000'000'000'000ULL + number * 977ULL};
  span.end = base::offset(span.start, base::Duration(number * 1000));
  span.attributes = {{"user.id", "u" + std::to_string(number * 7919)}, {"http.status_code", int64_t{number}}};
  if (number % 2 == 0) span.attributes.push_back({"ratio", number / 8.0});
  if (number % 4 == 0) span.attributes.push_back({"list", model::Array{{model::Value(1), model::Value("two")}}});
  if (number % 5 == 0) span.events = {{.time = span.start, .name = "exception", .attributes = {{"ok", false}}}};
  if (number % 4 == 1) span.status = {.code = model::StatusCode::Error, .message = "late"};
  if (number % 6 == 0) span.links = {{.trace_id = trace, .span_id = span.span_id, .attributes = {{"why", "retry"}}}};
  return span;
}

std::string sample_block() {
  BlockWriter writer({.replaces = {3, 4}, .group_spans = 16});
  for (uint8_t number = 1; number <= 6; ++number) {
    model::Trace trace;
    trace.id.bytes[15] = number;
    trace.resources = {{.attributes = {{"service.name", "cart"}, {"host", number}}},
                       {.attributes = {{"service.name", number < 4 ? model::Value("db") : model::Array{{"db", "x"}}}}}};
    trace.scopes = {{.name = "lib", .attributes = {{"ok", true}}}};
    for (uint8_t i = 1; i <= 9; ++i) {
      trace.spans.push_back(sample_span(trace.id, i));
      trace.spans.back().resource = i % 2;
    }
    if (!writer.add({trace.id, number, {1}, wire::otlp::encode_request(trace)})) std::abort();
  }
  return writer.finish();
}

struct Sample {
  std::string pages;  // with the file's header
  BlockIndex index;
};

const Sample& sample() {
  static const Sample made = [] {
    const std::string file = sample_block();
    const auto block = Block::open(std::make_unique<base::BytesFile>(file), "sample");
    if (!block) std::abort();
    uint64_t end = kHeaderBytes;
    for (const ColumnIndex& column : (*block)->index().columns) end += column.stored_bytes();
    return Sample{file.substr(0, end), (*block)->index()};
  }();
  return made;
}

void change(std::string& bytes, size_t from, const uint8_t* data, size_t size) {
  for (size_t at = 0; at + 4 <= size; at += 4) {
    const size_t place = data[at] | data[at + 1] << 8 | data[at + 2] << 16;
    char& byte = bytes[from + place % (bytes.size() - from)];
    byte = static_cast<char>(byte ^ data[at + 3]);
  }
}

void read_all(const Block& block) {
  SpanReader reader(block);
  for (uint32_t group = 0; group < block.index().groups.size(); ++group) {
    const auto traces = reader.read_group(group);
    for (const auto& trace : traces.value_or(std::vector<store::SealedTrace>())) {
      (void)wire::otlp::decode_trace(trace.id, trace.otlp);
    }
    for (const TraceHead& head : block.read_heads(group).value_or(std::vector<TraceHead>())) {
      const auto one = block.read_otlp(head);
      if (one && traces && *one != (*traces)[head.row.trace].otlp) std::abort();
    }
    for (const ColumnIndex& column : block.index().columns) {
      std::vector<uint32_t> narrow;
      Texts texts;
      if (raw_bytes(column.id.field) == 0) (void)block.read(column, group, narrow);
      if (is_text(column.id)) (void)block.read_values(column, group, texts);
    }
  }
}

traceql::Query query_of(std::string_view text) {
  auto query = traceql::parse(text);
  if (!query) std::abort();
  return std::move(*query);
}

store::MetricsQuery metrics_query() {
  const uint64_t second = 1'700'000'000;
  store::MetricsQuery query{
      .query = query_of("{ .ratio != 7 } | quantile_over_time(duration, 0.5) by (resource.service.name, .user.id)"),
      .plan = {},
      .budget = {}};
  auto plan = traceql::MetricsPlan::create(query.query, {.start = {second * 1'000'000'000},
                                                         .end = {(second + 1) * 1'000'000'000},
                                                         .step = std::chrono::milliseconds(100)});
  if (!plan) std::abort();
  query.plan = std::move(*plan);
  return query;
}

void search_all(const std::shared_ptr<const Block>& block) {
  static const traceql::Query queries[] = {
      query_of(R"({ resource.service.name = "db" && status = error } | select(span.list, event.ok))"),
      query_of(R"({ span.user.id = "u7919" || .list = "two" } >> { name =~ "S.*" && duration < 1s })"),
      query_of(R"({ event.ok = false || link.why = "retry" && .http.status_code + 1 > 3 })"),
  };
  static const store::MetricsQuery metrics = metrics_query();
  static base::Metrics counters;
  static ScanMetrics scan_metrics(counters);
  static base::FakeClock clock;
  static base::Workers workers(0);
  const ScanContext context{workers, clock, scan_metrics};
  for (const traceql::Query& query : queries) (void)search_blocks({&block, 1}, {.query = query, .limit = 4}, context);
  (void)metrics_over_blocks({&block, 1}, metrics, context);
}

// What is made of a broken block is whole.
void merge(const std::shared_ptr<const Block>& block) {
  std::optional<uint64_t> unreadable;
  auto merged = store::embedded::merge_blocks({{1, block}}, std::stop_token(), unreadable);
  if (merged && !Block::open(std::make_unique<base::BytesFile>(std::move(merged->file)), "merged")) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string file = sample().pages;
  BlockIndex index = sample().index;
  if (data[0] % 2 == 0) change(file, kHeaderBytes, data + 1, size - 1);
  for (ColumnIndex& column : index.columns) {
    for (auto* pages : {&column.pages, &column.values}) {
      for (PageRef& page : *pages) page.crc32c = base::crc32c(std::string_view(file).substr(page.offset, page.bytes));
    }
  }
  std::string encoded = encode_index(index);
  if (data[0] % 2 == 1) change(encoded, 0, data + 1, size - 1);
  append_index(encoded, file);
  const auto block = Block::open(std::make_unique<base::BytesFile>(std::move(file)), "changed");
  if (!block) return 0;
  read_all(**block);
  search_all(*block);
  merge(*block);
  return 0;
}
