#include <backstitch/instrumentation/httplib.h>
#include <map>

#include "lab/service/http_listener.h"
#include "lab/service/request_log.h"
#include "lab/service/server.h"

namespace backstitch::lab {
namespace {

constexpr const char* kJson = "application/json";

// Several such headers are one list.
std::string fault_list(const httplib::Request& request) {
  std::string list;
  const size_t count = request.get_header_value_count(kFaultHeader);
  for (size_t i = 0; i < count; ++i) list += (i == 0 ? "" : ",") + request.get_header_value(kFaultHeader, i);
  return list;
}

// The head promises the body, half of it comes, and the connection is closed.
void break_off(const std::string& body, httplib::Response& answer) {
  answer.set_content_provider(body.size(), kJson, [body](size_t, size_t, httplib::DataSink& sink) {
    (void)sink.write(body.data(), body.size() / 2);
    return false;
  });
}

void answer_request(const Service& service, const std::string& operation, const httplib::Request& request,
                    httplib::Response& answer) {
  const RequestLog log(service.settings().service_name, operation);
  const Outcome outcome = service.answer(fault_list(request));
  answer.status = outcome.code.http_status();
  answer.set_header(kCodeHeader, std::string(outcome.code.name()));
  const std::string body = service.body(outcome);
  if (outcome.is_broken) {
    break_off(body, answer);
  } else {
    answer.set_content(body, kJson);
  }
  log.write(outcome);
}

httplib::Server::Handler handler(const std::shared_ptr<const Service>& service, const std::string& operation) {
  return sdk::instrument(service->middleware(), listener(service->settings()), operation,
                         [service, operation](const httplib::Request& request, httplib::Response& answer) {
                           answer_request(*service, operation, request, answer);
                         });
}

void add_routes(const std::shared_ptr<const Service>& service, httplib::Server& server) {
  const httplib::Server::Handler get = handler(service, "GET /"), head = handler(service, "HEAD /");
  server.Get("/", [get, head](const httplib::Request& request, httplib::Response& answer) {
    (request.method == "HEAD" ? head : get)(request, answer);  // the library takes one for the other
  });
  server.Post("/", handler(service, "POST /"));
  server.Put("/", handler(service, "PUT /"));
  server.Patch("/", handler(service, "PATCH /"));
  server.Delete("/", handler(service, "DELETE /"));
  server.Options("/", handler(service, "OPTIONS /"));
}

}  // namespace

StartedServer serve_http(std::shared_ptr<const Service> service) {
  return listen_http(service->settings().listen, [&](httplib::Server& server) { add_routes(service, server); });
}

}  // namespace backstitch::lab
