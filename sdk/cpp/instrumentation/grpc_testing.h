// Real gRPC servers and channels on loopback, whose messages are bytes: methods of the synchronous and of the callback
// API, and who calls them.
#pragma once

#include <functional>
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/client_unary_call.h>
#include <grpcpp/impl/codegen/server_callback_handlers.h>
#include <grpcpp/impl/rpc_service_method.h>
#include <grpcpp/impl/service_type.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/client_callback.h>
#include <grpcpp/support/method_handler.h>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "backstitch/instrumentation/grpc.h"
#include "src/middleware_testing.h"

namespace backstitch::sdk {

using Bytes = grpc::ByteBuffer;

inline constexpr const char* kMethod = "/test.Service/Get";

inline Bytes message() {
  const grpc::Slice bytes("x");
  return Bytes(&bytes, 1);
}

// The one method of a server, whatever API serves it.
struct Method {
  std::function<grpc::internal::RpcServiceMethod*(const Middleware&, const Listener&)> make;

  // What stands for a service where handlers want one.
  struct None {};
};

using Handle = std::function<grpc::Status(const Middleware&, grpc::ServerContext&)>;
inline Method unary(Handle handle) {
  return {[=](const Middleware& middleware, const Listener& listener) {
    return new grpc::internal::RpcServiceMethod(
        kMethod, grpc::internal::RpcMethod::NORMAL_RPC,
        new grpc::internal::RpcMethodHandler<Method::None, Bytes, Bytes, Bytes, Bytes>(
            [=, &middleware](Method::None*, grpc::ServerContext* context, const Bytes*, Bytes* answer) {
              *answer = message();
              return serve(middleware, listener, *context, "test.Service/Get",
                           [&] { return handle(middleware, *context); });
            },
            nullptr));
  }};
}

using Stream = std::function<grpc::Status(const Middleware&, grpc::ServerContext&, grpc::ServerWriter<Bytes>&)>;
inline Method streaming(Stream stream) {
  return {[=](const Middleware& middleware, const Listener& listener) {
    return new grpc::internal::RpcServiceMethod(kMethod, grpc::internal::RpcMethod::SERVER_STREAMING,
                                                new grpc::internal::ServerStreamingHandler<Method::None, Bytes, Bytes>(
                                                    [=, &middleware](Method::None*, grpc::ServerContext* context,
                                                                     const Bytes*, grpc::ServerWriter<Bytes>* writer) {
                                                      return serve(
                                                          middleware, listener, *context, "test.Service/Get",
                                                          [&] { return stream(middleware, *context, *writer); });
                                                    },
                                                    nullptr));
  }};
}

using Answerer = std::function<void(const Middleware&, grpc::CallbackServerContext&, UnaryAnswer)>;
inline Method unary_callback(Answerer answerer) {
  return {[=](const Middleware& middleware, const Listener& listener) {
    auto* const method = new grpc::internal::RpcServiceMethod(
        kMethod, grpc::internal::RpcMethod::NORMAL_RPC,
        new grpc::internal::CallbackUnaryHandler<Bytes, Bytes>(
            [=, &middleware](grpc::CallbackServerContext* context, const Bytes*, Bytes* answer) {
              *answer = message();
              return serve(middleware, listener, *context, "test.Service/Get",
                           [&](UnaryAnswer later) { answerer(middleware, *context, std::move(later)); });
            }));
    method->SetServerApiType(grpc::internal::RpcServiceMethod::ApiType::CALL_BACK);
    return method;
  }};
}

using MakeReactor =
    std::function<grpc::ServerWriteReactor<Bytes>*(const Middleware&, const Listener&, grpc::CallbackServerContext&)>;
inline Method streaming_callback(MakeReactor make_reactor) {
  return {[=](const Middleware& middleware, const Listener& listener) {
    auto* const method =
        new grpc::internal::RpcServiceMethod(kMethod, grpc::internal::RpcMethod::SERVER_STREAMING,
                                             new grpc::internal::CallbackServerStreamingHandler<Bytes, Bytes>(
                                                 [=, &middleware](grpc::CallbackServerContext* context, const Bytes*) {
                                                   return make_reactor(middleware, listener, *context);
                                                 }));
    method->SetServerApiType(grpc::internal::RpcServiceMethod::ApiType::CALL_BACK);
    return method;
  }};
}

// A service with a gRPC server of its own. It trusts the ports of its hosts.
class Server final : public grpc::Service {
 public:
  Server(std::string name, const Listener& listener, const std::vector<std::pair<int, std::string>>& hosts,
         const Method& method)
      : traced_(TracerProviderOptions(), std::move(name)), middleware_(*traced_.provider, trusting(hosts)) {
    AddMethod(method.make(middleware_, listener));
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
    // The exporting thread starts here, and not in a thread of gRPC, where ThreadSanitizer would miss that this thread
    // made what it works on: Debian's gRPC is built without it.
    traced_.tracer.start_span("first").end();
  }
  Server(std::string name, const Listener& listener, const std::vector<std::pair<int, std::string>>& hosts,
         Handle handle)
      : Server(std::move(name), listener, hosts, unary(std::move(handle))) {}
  ~Server() override { server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(5)); }

  int port() const { return port_; }
  Traced& traced() { return traced_; }
  // Those of `kind`, once there are `count` of them; fewer if they don't come.
  std::vector<model::Span> spans(model::SpanKind kind, size_t count = 1) {
    std::vector<model::Span> found;
    (void)eventually([&] {
      found = traced_.spans().spans;
      std::erase_if(found, [&](const model::Span& span) { return span.kind != kind; });
      return found.size() >= count;
    });
    return found;
  }

 private:
  Traced traced_;
  const Middleware middleware_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

// How services are called. With connections of its own: others would wait where one was refused.
struct Client {
  std::shared_ptr<grpc::Channel> channel;
  grpc::internal::RpcMethod method;

  explicit Client(int port, grpc::internal::RpcMethod::RpcType type = grpc::internal::RpcMethod::NORMAL_RPC)
      : channel(connect(port)), method(kMethod, type, channel) {}

 private:
  static std::shared_ptr<grpc::Channel> connect(int port) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    auto channel =
        grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(port), grpc::InsecureChannelCredentials(), arguments);
    // Until all tests are over: the threads that run callbacks go with the last channel, which must not go in one.
    static std::mutex mutex;
    static std::vector<std::shared_ptr<grpc::Channel>> kept;
    const std::scoped_lock lock(mutex);
    return kept.emplace_back(std::move(channel));
  }
};

inline grpc::Status get(int port, grpc::ClientContext& context) {
  const Client client(port);
  const Bytes request = message();
  Bytes answer;
  return grpc::internal::BlockingUnaryCall<Bytes, Bytes>(client.channel.get(), client.method, &context, request,
                                                         &answer);
}

// As get(), without waiting.
inline void get_later(int port, grpc::ClientContext& context, std::function<void(grpc::Status)> done) {
  struct Call {
    Client client;
    Bytes request = message(), answer;
  };
  auto call = std::make_shared<Call>(Call{Client(port), message(), {}});
  grpc::internal::CallbackUnaryCall<Bytes, Bytes>(
      call->client.channel.get(), call->client.method, &context, &call->request, &call->answer,
      [call, done = std::move(done)](const grpc::Status& status) { done(status); });
}

inline OutboundCall call_of(const Middleware& middleware, int port,
                            std::optional<std::chrono::nanoseconds> timeout = {}) {
  OutboundOptions options{"test.Service/Get", "127.0.0.1", static_cast<uint16_t>(port), Protocol::Grpc};
  options.timeout = timeout;
  return OutboundCall(middleware, options);
}

// Calls the service on that port, and answers as it does, with `code` where it fails.
inline Handle calling(int port, std::optional<grpc::StatusCode> code = {}, int attempts = 1,
                      std::optional<std::chrono::nanoseconds> timeout = {}) {
  return [=](const Middleware& middleware, grpc::ServerContext&) {
    OutboundCall call = call_of(middleware, port, timeout);
    grpc::Status status;
    for (int i = 0; i < attempts; ++i) {
      status = call_rpc(call, [&](grpc::ClientContext& context) { return get(port, context); });
      if (status.ok()) return status;
    }
    return grpc::Status(code.value_or(status.error_code()), "");
  };
}

inline Handle answering(grpc::StatusCode code, std::string message = "") {
  return [=](const Middleware&, grpc::ServerContext&) { return grpc::Status(code, message); };
}

struct Answer {
  grpc::Status status;
  std::string tree;  // x-error-tree
};
inline Answer ask(const Server& server, const std::map<std::string, std::string>& metadata = {}) {
  grpc::ClientContext context;
  for (const auto& [key, value] : metadata) context.AddMetadata(key, value);
  Answer answer{get(server.port(), context), ""};
  const auto& trailers = context.GetServerTrailingMetadata();
  const auto found = trailers.find("x-error-tree");
  if (found != trailers.end()) answer.tree = std::string(found->second.data(), found->second.size());
  return answer;
}

// The children that root tells of.
inline std::string children(const std::string& tree) {
  const size_t at = tree.find("\"children\":[");
  return at == std::string::npos ? tree : tree.substr(at + 12, tree.size() - at - 14);
}

}  // namespace backstitch::sdk
