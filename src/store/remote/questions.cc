// What is asked: searches, metrics, ids and lists.
#include <algorithm>
#include <chrono>

#include "store/remote/message_reader.h"
#include "store/remote/messages.h"
#include "traceql/parse.h"
#include "traceql/print.h"

namespace backstitch::store {

using base::Errc;
using base::fail;
using base::Result;
using protozero::pbf_writer;
using remote::malformed;
using remote::MessageReader;
using remote::read_message;
using remote::text_of;
using remote::view_of;

namespace {

enum QueryField : uint32_t {  // of searches and metrics
  kQueryText = 1,
  kQueryFrom = 2,  // of metrics: the window's start
  kQueryTo = 3,    // of metrics: its end, exclusive
  kQueryStep = 4,
  kQueryAfterStart = 5,
  kQueryAfterId = 6,
  kQueryLimit = 7,
  kQuerySpansMax = 8,
  kQueryBytesMax = 9,
  kQueryTimeMax = 10,
};
enum IdsField : uint32_t { kIdsId = 1 };
enum ListField : uint32_t { kListService = 1, kListLevel = 2, kListName = 3, kListLimit = 4 };

constexpr base::Duration kTimeMax = std::chrono::minutes(1);
constexpr uint8_t kLevelMax = static_cast<uint8_t>(model::AttributeLevel::Link);

// All that either kind of query holds.
struct AnyQuery {
  std::string text;
  uint64_t from = 0;
  uint64_t to = UINT64_MAX;
  uint64_t step = 0;
  std::optional<Place> after;
  uint32_t limit = 0;
  uint32_t spans_max = 0;
  SearchBudget budget;
};

// Only where it is read as it is.
Result<std::string> exact_text(const traceql::Query& query) {
  std::string text = traceql::print(query);
  const auto again = traceql::parse_between_nodes(text);
  if (again && traceql::print(*again) == text) return text;
  return fail(Errc::InvalidArgument, "the query is too large to be asked of other nodes");
}

void write_budget(pbf_writer& out, const SearchBudget& budget) {
  out.add_uint64(kQueryBytesMax, budget.bytes_max);
  out.add_uint64(kQueryTimeMax, static_cast<uint64_t>(std::max<int64_t>(0, budget.time_max.count())));
}

Result<model::TraceId> read_id(MessageReader& field) {
  const std::string_view bytes = view_of(field);
  if (bytes.size() != sizeof(model::TraceId)) return malformed("a trace id is not of 16 bytes");
  return model::TraceId::from_bytes(bytes.data());
}

Result<> read_query_field(MessageReader& field, AnyQuery& query) {
  switch (field.tag()) {
    case kQueryText:
      query.text = text_of(field);
      return {};
    case kQueryFrom:
      query.from = field.get_fixed64();
      return {};
    case kQueryTo:
      query.to = field.get_fixed64();
      return {};
    case kQueryStep:
      query.step = field.get_uint64();
      return {};
    case kQueryAfterStart:
      if (!query.after) query.after.emplace();
      query.after->start.unix_nanos = field.get_fixed64();
      return {};
    case kQueryAfterId: {
      const auto id = read_id(field);
      if (!id) return std::unexpected(id.error());
      if (!query.after) query.after.emplace();
      query.after->id = *id;
      return {};
    }
    case kQueryLimit:
      query.limit = field.get_uint32();
      return {};
    case kQuerySpansMax:
      query.spans_max = field.get_uint32();
      return {};
    case kQueryBytesMax:
      query.budget.bytes_max = field.get_uint64();
      return {};
    case kQueryTimeMax:
      query.budget.time_max = base::Duration(static_cast<int64_t>(std::min<uint64_t>(field.get_uint64(), INT64_MAX)));
      return {};
    default:
      // What limits the question in a way that this build does not know must not be passed over.
      return fail(Errc::Unsupported, fmt::format("a query with the field {}, which this version does not know",
                                                 static_cast<uint32_t>(field.tag())));
  }
}

Result<AnyQuery> read_query(std::string_view bytes) {
  AnyQuery query;
  const auto read = read_message(bytes, [&](MessageReader& field) { return read_query_field(field, query); });
  if (!read) return std::unexpected(read.error());
  if (query.limit > kPeerLimitMax || query.spans_max > kPeerLimitMax) {
    return fail(Errc::InvalidArgument,
                fmt::format("more than {} traces, or spans of each, are asked for", kPeerLimitMax));
  }
  query.budget.time_max = std::min(query.budget.time_max, kTimeMax);
  return query;
}

}  // namespace

Result<std::string> encode_search(const TraceQuery& query) {
  const auto text = exact_text(query.query);
  if (!text) return std::unexpected(text.error());
  std::string bytes;
  pbf_writer out(bytes);
  out.add_bytes(kQueryText, *text);
  out.add_fixed64(kQueryFrom, query.start.from.unix_nanos);
  out.add_fixed64(kQueryTo, query.start.to.unix_nanos);
  if (query.after) {
    out.add_fixed64(kQueryAfterStart, query.after->start.unix_nanos);
    out.add_bytes(kQueryAfterId, reinterpret_cast<const char*>(query.after->id.bytes.data()), sizeof(model::TraceId));
  }
  out.add_uint32(kQueryLimit, query.limit);
  out.add_uint32(kQuerySpansMax, query.spans_max);
  write_budget(out, query.budget);
  return bytes;
}

Result<TraceQuery> decode_search(std::string_view bytes) {
  auto any = read_query(bytes);
  if (!any) return std::unexpected(std::move(any.error()));
  auto query = traceql::parse_between_nodes(any->text);
  if (!query) return std::unexpected(std::move(query.error()));
  if (query->metrics) return fail(Errc::InvalidArgument, "a search with a metrics function");
  return TraceQuery{.query = std::move(*query),
                    .start = {.from = {any->from}, .to = {any->to}},
                    .after = any->after,
                    .limit = any->limit,
                    .spans_max = any->spans_max,
                    .budget = any->budget};
}

Result<std::string> encode_metrics(const MetricsQuery& query) {
  const auto text = exact_text(query.query);
  if (!text) return std::unexpected(text.error());
  const traceql::MetricsWindow& window = query.plan.window();
  std::string bytes;
  pbf_writer out(bytes);
  out.add_bytes(kQueryText, *text);
  out.add_fixed64(kQueryFrom, window.start.unix_nanos);
  out.add_fixed64(kQueryTo, window.end.unix_nanos);
  out.add_uint64(kQueryStep, static_cast<uint64_t>(window.step.count()));
  write_budget(out, query.budget);
  return bytes;
}

Result<MetricsQuery> decode_metrics(std::string_view bytes) {
  auto any = read_query(bytes);
  if (!any) return std::unexpected(std::move(any.error()));
  auto query = traceql::parse_between_nodes(any->text);
  if (!query) return std::unexpected(std::move(query.error()));
  const auto step = static_cast<int64_t>(std::min<uint64_t>(any->step, INT64_MAX));
  auto plan = traceql::MetricsPlan::create(*query, {{any->from}, {any->to}, base::Duration(step)});
  if (!plan) return std::unexpected(std::move(plan.error()));
  return MetricsQuery{.query = std::move(*query), .plan = std::move(*plan), .budget = any->budget};
}

std::string encode_ids(std::span<const model::TraceId> ids) {
  std::string bytes;
  pbf_writer out(bytes);
  for (const model::TraceId& id : ids) {
    out.add_bytes(kIdsId, reinterpret_cast<const char*>(id.bytes.data()), sizeof(model::TraceId));
  }
  return bytes;
}

Result<std::vector<model::TraceId>> decode_ids(std::string_view bytes, size_t count_max) {
  std::vector<model::TraceId> ids;
  const auto read = read_message(bytes, [&](MessageReader& field) -> Result<> {
    if (field.tag() != kIdsId) return field.skip(), Result<>();
    if (ids.size() == count_max) {
      return fail(Errc::InvalidArgument, fmt::format("more than {} trace ids in one request", count_max));
    }
    const auto id = read_id(field);
    if (!id) return std::unexpected(id.error());
    ids.push_back(*id);
    return {};
  });
  if (!read) return std::unexpected(read.error());
  return ids;
}

std::string encode_list_question(const ListQuestion& question) {
  std::string bytes;
  pbf_writer out(bytes);
  out.add_bytes(kListService, question.service);
  out.add_uint32(kListLevel, static_cast<uint32_t>(question.name.level));
  out.add_bytes(kListName, question.name.name);
  out.add_uint32(kListLimit, question.limit);
  return bytes;
}

Result<ListQuestion> decode_list_question(std::string_view bytes) {
  ListQuestion question;
  const auto read = read_message(bytes, [&](MessageReader& field) -> Result<> {
    switch (field.tag()) {
      case kListService:
        question.service = text_of(field);
        return {};
      case kListLevel: {
        const uint32_t level = field.get_uint32();
        if (level > kLevelMax) return malformed("a level of attributes that does not exist");
        question.name.level = static_cast<model::AttributeLevel>(level);
        return {};
      }
      case kListName:
        question.name.name = text_of(field);
        return {};
      case kListLimit:
        question.limit = field.get_uint32();
        return {};
      default:
        field.skip();
        return {};
    }
  });
  if (!read) return std::unexpected(read.error());
  if (question.limit > kPeerLimitMax) {
    return fail(Errc::InvalidArgument, fmt::format("more than {} rows are asked for", kPeerLimitMax));
  }
  return question;
}

}  // namespace backstitch::store
