#include "store/remote/peer_routes.h"

#include <string>
#include <string_view>

#include "store/remote/messages.h"

namespace backstitch::store {

using base::Errc;
using base::Result;
using net::HttpRequest;
using net::HttpResponse;

namespace {

int status_of(Errc code) {
  switch (code) {
    case Errc::InvalidArgument:
    case Errc::Malformed:
    case Errc::Unsupported:
      return 400;
    case Errc::Unavailable:
      return 503;
    default:
      return 500;
  }
}

// The asked node's own words, for whoever asked to pass on.
HttpResponse refuse(int status, std::string message) {
  return {.status = status, .content_type = "text/plain; charset=utf-8", .body = std::move(message)};
}

// `answer` makes bytes of a request.
template <typename Answer>
void add(net::HttpRouter& router, std::string_view what, const Answer& answer) {
  router.add("POST", "/api/bs/v1/peers/" + std::string(what),
             [answer](HttpRequest& request, const net::HttpRouter::Captures&) {
               if (request.header("content-type") != kPeersContentType) {
                 return refuse(415, "nodes of this version speak " + std::string(kPeersContentType));
               }
               Result<std::string> bytes = answer(request);
               if (!bytes) return refuse(status_of(bytes.error().code), bytes.error().message);
               return HttpResponse{.content_type = std::string(kPeersContentType), .body = std::move(*bytes)};
             });
}

Result<std::string> search(TraceReader& local, const HttpRequest& request) {
  auto query = decode_search(request.body);
  if (!query) return std::unexpected(std::move(query.error()));
  query->budget.stop = request.peer_gone();
  const auto found = local.search(*query);
  if (!found) return std::unexpected(found.error());
  return encode_search_result(*found);
}

Result<std::string> metrics(TraceReader& local, const HttpRequest& request) {
  auto query = decode_metrics(request.body);
  if (!query) return std::unexpected(std::move(query.error()));
  query->budget.stop = request.peer_gone();
  const auto result = local.metrics(*query);
  if (!result) return std::unexpected(result.error());
  return encode_metrics_result(*result);
}

Result<std::string> traces(TraceReader& local, const HttpRequest& request) {
  const auto ids = decode_ids(request.body, kPeerTracesMax);
  if (!ids) return std::unexpected(ids.error());
  return encode_traces(local.find_all(*ids));
}

Result<std::string> counts(TraceReader& local, const HttpRequest& request) {
  const auto ids = decode_ids(request.body, kPeerCountsMax);
  if (!ids) return std::unexpected(ids.error());
  const auto counts = local.fragment_counts(*ids);
  if (!counts) return std::unexpected(counts.error());
  return encode_counts(*counts);
}

// `ask` of a question for a list, as bytes.
template <typename Ask, typename Encode>
Result<std::string> list(const HttpRequest& request, const Ask& ask, const Encode& encode) {
  const auto question = decode_list_question(request.body);
  if (!question) return std::unexpected(question.error());
  const auto rows = ask(*question);
  if (!rows) return std::unexpected(rows.error());
  return encode(*rows);
}

}  // namespace

void add_peer_routes(net::HttpRouter& router, TraceReader& local) {
  add(router, "traces", [&local](const HttpRequest& request) { return traces(local, request); });
  add(router, "counts", [&local](const HttpRequest& request) { return counts(local, request); });
  add(router, "search", [&local](const HttpRequest& request) { return search(local, request); });
  add(router, "metrics", [&local](const HttpRequest& request) { return metrics(local, request); });
  add(router, "services", [&local](const HttpRequest& request) {
    return list(request, [&](const ListQuestion&) { return local.services(); }, &encode_texts);
  });
  add(router, "operations", [&local](const HttpRequest& request) {
    return list(
        request, [&](const ListQuestion& asked) { return local.operations(asked.service); }, &encode_operations);
  });
  add(router, "attributes", [&local](const HttpRequest& request) {
    return list(
        request, [&](const ListQuestion& asked) { return local.attribute_names(asked.limit); },
        &encode_attribute_names);
  });
  add(router, "values", [&local](const HttpRequest& request) {
    return list(
        request, [&](const ListQuestion& asked) { return local.attribute_values(asked.name, asked.limit); },
        &encode_texts);
  });
  add(router, "stats", [&local](const HttpRequest& request) {
    return list(request, [&](const ListQuestion&) { return local.stats(); }, &encode_stats);
  });
}

}  // namespace backstitch::store
