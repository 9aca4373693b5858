#include <backstitch/instrumentation/grpc.h>
#include <future>
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/rpc_service_method.h>
#include <grpcpp/impl/service_type.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/method_handler.h>

#include "lab/service/grpc_method.h"
#include "lab/service/request_log.h"
#include "lab/service/server.h"
#include "lab/service/spelling.h"

namespace backstitch::lab {
namespace {

using Bytes = grpc::ByteBuffer;

constexpr size_t kTrailerOverhead = 32;  // HTTP/2 counts so much for each

Bytes to_bytes(const std::string& text) {
  const grpc::Slice slice(text);
  return Bytes(&slice, 1);
}

// Several such entries are one list.
std::string fault_list(const grpc::ServerContext& context) {
  std::string list;
  const auto [first, last] = context.client_metadata().equal_range(kFaultHeader);
  for (auto it = first; it != last; ++it) {
    if (it != first) list += ',';
    list.append(it->second.data(), it->second.size());
  }
  return list;
}

class GrpcServer final : public Server, public grpc::Service {
 public:
  explicit GrpcServer(std::shared_ptr<const lab::Service> service) : service_(std::move(service)) {
    AddMethod(new grpc::internal::RpcServiceMethod(
        kGrpcPath, grpc::internal::RpcMethod::NORMAL_RPC,
        new grpc::internal::RpcMethodHandler<GrpcServer, Bytes, Bytes, Bytes, Bytes>(
            [](GrpcServer* self, grpc::ServerContext* context, const Bytes*, Bytes* answer) {
              return self->answer_call(*context, *answer);
            },
            this)));
  }
  ~GrpcServer() override {
    if (has_ended_.valid()) has_ended_.wait();
    if (server_) server_->Shutdown();
  }

  std::string start(const Address& address) {
    grpc::ServerBuilder builder;
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // two services on one port would share its callers
    builder.AddListeningPort(authority(address.host, address.port), grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
    if (server_ != nullptr && port_ != 0) return "";
    return "cannot listen on " + authority(address.host, address.port) + ": the port is taken, or no such address";
  }
  uint16_t port() const override { return static_cast<uint16_t>(port_); }
  bool stop(std::chrono::milliseconds within) override {
    const auto deadline = std::chrono::system_clock::now() + within;
    // Cancels what is left then, and waits for its handlers, however long that takes.
    has_ended_ = std::async(std::launch::async, [this, deadline] { server_->Shutdown(deadline); });
    return has_ended_.wait_until(deadline) == std::future_status::ready;
  }

 private:
  grpc::Status answer_call(grpc::ServerContext& context, Bytes& answer) const {
    // The length of the code isn't known yet; that of the longest one fits.
    const size_t own_trailers =
        std::string_view(kCodeHeader).size() + sdk::ErrorCode::kCustomBytesMax + kTrailerOverhead;
    return sdk::serve(
        service_->middleware(), listener(service_->settings()), context, kGrpcMethod,
        [&] { return answer_request(context, answer); }, own_trailers);
  }
  grpc::Status answer_request(grpc::ServerContext& context, Bytes& answer) const {
    const RequestLog log(service_->settings().service_name, kGrpcMethod);
    const Outcome outcome = service_->answer(fault_list(context));
    context.AddTrailingMetadata(kCodeHeader, std::string(outcome.code.name()));
    answer = to_bytes(service_->body(outcome));
    log.write(outcome);
    return grpc::Status(static_cast<grpc::StatusCode>(outcome.code.canonical()), outcome.message);
  }

  const std::shared_ptr<const lab::Service> service_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
  std::future<void> has_ended_;
};

}  // namespace

StartedServer serve_grpc(std::shared_ptr<const Service> service) {
  auto server = std::make_unique<GrpcServer>(service);
  std::string problem = server->start(service->settings().listen);
  if (!problem.empty()) return std::unexpected(std::move(problem));
  return server;
}

}  // namespace backstitch::lab
