// What nodes say to each other about traces: docs/formats/peers.md. Protobuf messages, as functions from values to
// bytes and back; the numbers of their fields are in messages.cc alone.
//
//   std::string bytes = encode_search(query);          // the one who asks
//   Result<TraceQuery> query = decode_search(bytes);   // the one who is asked
//
// Whatever comes back equals what went in, texts that are no UTF-8 included. Decoding checks everything: Malformed, or
// InvalidArgument for a query that nobody may ask.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/contract/store_stats.h"
#include "store/contract/trace_reader.h"
#include "store/contract/trace_search.h"

namespace backstitch::store {

// Of requests and answers: one who speaks another version is refused by it.
constexpr std::string_view kPeersContentType = "application/x-backstitch-peers; version=1";

// Bounds of one request; more is InvalidArgument.
constexpr size_t kPeerTracesMax = 64;       // whole traces
constexpr size_t kPeerCountsMax = 4096;     // of which fragments are counted
constexpr uint32_t kPeerLimitMax = 10'000;  // of any list

// ---- questions

// InvalidArgument for a query that cannot be written so that it is read as it is (beyond four times the limits of
// traceql/query.h).
base::Result<std::string> encode_search(const TraceQuery& query);
base::Result<TraceQuery> decode_search(std::string_view bytes);
base::Result<std::string> encode_metrics(const MetricsQuery& query);
base::Result<MetricsQuery> decode_metrics(std::string_view bytes);
// At most `count_max`.
std::string encode_ids(std::span<const model::TraceId> ids);
base::Result<std::vector<model::TraceId>> decode_ids(std::string_view bytes, size_t count_max);
// The parameters of lists: what a question does not need stays as it is here.
struct ListQuestion {
  std::string service;  // operations
  AttributeName name;   // attribute values
  uint32_t limit = 0;   // attribute names and values

  bool operator==(const ListQuestion&) const = default;
};
std::string encode_list_question(const ListQuestion& question);
base::Result<ListQuestion> decode_list_question(std::string_view bytes);

// ---- answers

using TraceResults = std::vector<base::Result<model::Trace>>;
std::string encode_traces(const TraceResults& traces);
// Beside `ids`, which were asked for.
base::Result<TraceResults> decode_traces(std::string_view bytes, std::span<const model::TraceId> ids);
std::string encode_counts(const std::vector<uint32_t>& counts);
base::Result<std::vector<uint32_t>> decode_counts(std::string_view bytes, size_t count);
std::string encode_search_result(const SearchResult& result);
base::Result<SearchResult> decode_search_result(std::string_view bytes);
std::string encode_metrics_result(const MetricsResult& result);
// Of the question that was asked.
base::Result<MetricsResult> decode_metrics_result(std::string_view bytes, const traceql::MetricsPlan& plan);
std::string encode_texts(const std::vector<std::string>& texts);
base::Result<std::vector<std::string>> decode_texts(std::string_view bytes);
std::string encode_operations(const std::vector<Operation>& operations);
base::Result<std::vector<Operation>> decode_operations(std::string_view bytes);
std::string encode_attribute_names(const std::vector<AttributeName>& names);
base::Result<std::vector<AttributeName>> decode_attribute_names(std::string_view bytes);
std::string encode_stats(const StoreStats& stats);
base::Result<StoreStats> decode_stats(std::string_view bytes);

}  // namespace backstitch::store
