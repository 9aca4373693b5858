// Services of the lab in the test's own process, on free ports, and how they are asked.
#pragma once

#include <atomic>
#include <backstitch/sdk.h>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "lab/service/server.h"

namespace backstitch::lab {

using Variables = std::map<std::string, std::string>;

// What root answers in the specification's example (docs/spec/error-tree.md).
inline constexpr std::string_view kDrift =
    R"({"service":"root","status":"error","code":"not-found","error":"an upstream dependency failed in service )"
    R"(service-b","children":[{"service":"service-b","status":"error","code":"not-found","error":"[DRIFT: )"
    R"(permission-denied -> not-found] an upstream dependency failed in service service-b","children":[{"service":)"
    R"("service-e","status":"error","code":"permission-denied","error":"an error occurred in service service-e"}]}]})";

// Polls until it is true, or for 20 seconds.
template <typename Check>
bool eventually(Check check) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!check()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

// Keeps requests as they are: OTLP protobuf, in which texts and ids stand as they are.
class KeepingExporter final : public sdk::SpanExporter {
 public:
  sdk::ExportResult export_request(std::string_view request, size_t, std::chrono::milliseconds) noexcept override {
    const std::scoped_lock lock(mutex_);
    bytes_ += request;
    return {};
  }
  std::string bytes() const {
    const std::scoped_lock lock(mutex_);
    return bytes_;
  }

 private:
  mutable std::mutex mutex_;
  std::string bytes_;
};

// A service with a tracer of its own, served until it is destroyed.
class RunningService {
 public:
  // `variables` are those of lab/service/settings.h, but for name and port. Wrong ones fail the test.
  RunningService(const std::string& name, Variables variables);

  uint16_t port() const { return server_->port(); }
  bool is_grpc() const { return service_->settings().protocol == sdk::Protocol::Grpc; }
  // As an entry of UPSTREAMS.
  std::string as_upstream() const;
  // All spans that have ended.
  std::string exported() const;

 private:
  std::shared_ptr<KeepingExporter> exporter_ = std::make_shared<KeepingExporter>();
  std::shared_ptr<sdk::TracerProvider> provider_;
  std::shared_ptr<const Service> service_;
  std::unique_ptr<Server> server_;
};

struct Answer {
  int status = 0;    // HTTP's, or gRPC's number
  std::string code;  // x-lab-code
  std::string body;  // over gRPC only of a success
  std::string tree;  // x-error-tree

  // What stands in the tree's list of children.
  std::string children() const;
};
// Asks as somebody outside; `faults` is sent as it is.
Answer ask(const RunningService& service, const std::string& faults = "");

}  // namespace backstitch::lab
