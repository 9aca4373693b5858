#include "lab/service/lab_testing.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/client_unary_call.h>
#include <grpcpp/support/byte_buffer.h>
#include <gtest/gtest.h>
#include <httplib.h>

#include "lab/service/grpc_method.h"
#include "lab/service/spelling.h"

namespace backstitch::lab {
namespace {

Settings settings_of(const std::string& name, Variables variables) {
  variables["SERVICE_NAME"] = name;
  variables["PORT"] = "0";
  auto settings = read_settings([&](const std::string& variable) { return variables[variable]; });
  EXPECT_TRUE(settings) << settings.error().front();
  return settings.value_or(Settings());
}

std::string text(const grpc::ByteBuffer& bytes) {
  std::vector<grpc::Slice> slices;
  (void)bytes.Dump(&slices);
  std::string all;
  for (const grpc::Slice& slice : slices) all.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return all;
}

std::string trailer(const grpc::ClientContext& context, const std::string& name) {
  const auto found = context.GetServerTrailingMetadata().find(name);
  if (found == context.GetServerTrailingMetadata().end()) return "";
  return {found->second.data(), found->second.size()};
}

Answer ask_http(uint16_t port, const std::string& faults) {
  httplib::Client client("127.0.0.1", port);
  client.set_read_timeout(std::chrono::seconds(60));
  httplib::Headers headers;
  if (!faults.empty()) headers.emplace(kFaultHeader, faults);
  const httplib::Result answer = client.Get("/", headers);
  if (!answer) return {};
  return {answer->status, answer->get_header_value(kCodeHeader), answer->body,
          answer->get_header_value("x-error-tree")};
}

Answer ask_grpc(uint16_t port, const std::string& faults) {
  const auto channel = grpc::CreateChannel(authority("127.0.0.1", port), grpc::InsecureChannelCredentials());
  const grpc::internal::RpcMethod method(kGrpcPath, grpc::internal::RpcMethod::NORMAL_RPC, channel);
  grpc::ClientContext context;
  if (!faults.empty()) context.AddMetadata(kFaultHeader, faults);
  grpc::ByteBuffer body;
  const grpc::Status status = grpc::internal::BlockingUnaryCall<grpc::ByteBuffer, grpc::ByteBuffer>(
      channel.get(), method, &context, grpc::ByteBuffer(nullptr, 0), &body);
  return {status.error_code(), trailer(context, kCodeHeader), text(body), trailer(context, "x-error-tree")};
}

}  // namespace

RunningService::RunningService(const std::string& name, Variables variables) {
  const Settings settings = settings_of(name, std::move(variables));
  sdk::TracerProviderOptions options;
  options.exporter = exporter_;
  options.resource.emplace_back("service.name", name);
  provider_ = sdk::TracerProvider::create(std::move(options));
  service_ = std::make_shared<const Service>(settings, sdk::Middleware(*provider_, middleware_options(settings)), 1);
  auto server = is_grpc() ? serve_grpc(service_) : serve_http(service_);
  EXPECT_TRUE(server) << server.error();
  server_ = std::move(*server);
}

std::string RunningService::as_upstream() const {
  return service_->settings().service_name + (is_grpc() ? "=grpc://" : "=http://") + authority("127.0.0.1", port());
}

std::string RunningService::exported() const {
  provider_->force_flush(std::chrono::seconds(20));
  return exporter_->bytes();
}

std::string Answer::children() const {
  const size_t at = tree.find("\"children\":[");
  return at == std::string::npos ? tree : tree.substr(at + 12, tree.size() - at - 14);
}

Answer ask(const RunningService& service, const std::string& faults) {
  return service.is_grpc() ? ask_grpc(service.port(), faults) : ask_http(service.port(), faults);
}

}  // namespace backstitch::lab
