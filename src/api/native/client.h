// The other side of docs/formats/native-api.md: asks a server, for the command line.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "model/trace.h"
#include "net/http_client.h"
#include "query/engine.h"
#include "query/why.h"

namespace backstitch::api {

struct SearchRequest {
  std::string traceql;  // "" here and below: any
  std::string service;
  std::string operation;
  std::vector<std::pair<std::string, std::string>> tags;
  std::string min_duration;  // as the API takes them: "250ms"
  std::string max_duration;
  std::optional<base::Timestamp> start;
  std::string cursor;  // of the page before
  uint32_t limit = 20;
};

struct SearchReply {
  std::vector<store::FoundTrace> traces;
  std::string next;  // the cursor of the next page; "": there is none
  bool is_partial = false;
  query::Missing missing;  // names alone, here and below
  std::string json;        // as it came
};

struct MetricsRequest {
  std::string traceql;
  base::Timestamp start;
  base::Timestamp end;
  std::string step;  // "": the server's choice
};

struct MetricsReply {
  struct Series {
    model::Attributes labels;
    std::vector<std::optional<double>> values;  // one for each step
  };
  base::Timestamp start;
  base::Duration step{0};
  std::vector<Series> series;
  bool is_partial = false;
  query::Missing missing;
  std::string json;  // as it came
};

struct ErrorOriginsReply {
  std::vector<model::ErrorOriginRow> rows;
  std::string json;  // as it came
};

struct SdkLossesReply {
  std::vector<model::SdkLossRow> rows;
  std::string json;  // as it came
};

struct WhyReply {
  query::TraceWhy why;
  std::string json;  // as it came
};

struct StatsReply {
  store::StoreStats stats;
  std::string json;  // as it came
};

struct TraceReply {
  std::string otlp;  // TracesData, unknown fields included
  bool is_open = false;
  bool is_partial = false;
  std::string missing;                          // names with ", " between
  std::vector<model::TraceFragment> fragments;  // oldest first; of very many the newest, and the older ones as one
};

// One call at a time. Unavailable if nobody listens; errors of the server keep their code where it has one of ours.
class NativeClient {
 public:
  // `url` is "http://host:port", with a path where a proxy puts the server under one.
  static base::Result<std::unique_ptr<NativeClient>> create(std::string_view url);

  base::Result<SearchReply> search(const SearchRequest& request);
  base::Result<MetricsReply> metrics(const MetricsRequest& request);
  base::Result<ErrorOriginsReply> error_origins(const model::ErrorOriginQuery& query);
  base::Result<SdkLossesReply> sdk_losses(const model::SdkLossQuery& query);
  // NotFound where nothing was decided about the trace.
  base::Result<WhyReply> why(const model::TraceId& id);
  // Keeps a trace that policies dropped, or may drop yet; returns the server's answer. NotFound where nothing is left
  // of it.
  base::Result<std::string> keep(const model::TraceId& id);
  base::Result<StatsReply> store_stats();
  // NotFound.
  base::Result<TraceReply> find(const model::TraceId& id);
  // As find(), in the API's own JSON.
  base::Result<std::string> find_json(const model::TraceId& id);

 private:
  NativeClient(net::HttpUrl url, std::unique_ptr<net::HttpClient> http);
  base::Result<net::HttpReply> get(const std::string& target, const std::string& accept);
  base::Result<std::string> get_json(const std::string& target);

  std::string prefix_;
  std::string server_;
  std::unique_ptr<net::HttpClient> http_;
};

}  // namespace backstitch::api
