#include "lab/service/upstream.h"

#include <backstitch/instrumentation/grpc.h>
#include <backstitch/instrumentation/httplib.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/client_unary_call.h>
#include <grpcpp/support/byte_buffer.h>

#include "lab/service/faults.h"
#include "lab/service/grpc_method.h"
#include "lab/service/spelling.h"

namespace backstitch::lab {
namespace {

// Where no deadline says less.
constexpr std::chrono::minutes kAnswerWaitMax{10};

// What both protocols have in common: one call of the SDK's for all attempts.
class CommonUpstream : public Upstream {
 public:
  CommonUpstream(const UpstreamSettings& settings, sdk::Middleware middleware, const CallRules& rules,
                 std::string_view operation)
      : address_(settings.address),
        protocol_(settings.protocol),
        middleware_(std::move(middleware)),
        rules_(rules),
        operation_(operation) {}

  sdk::ErrorCode call(const std::string& faults, std::function<void()> on_started) const final {
    sdk::OutboundOptions options{operation_, address_.host, address_.port, protocol_};
    options.timeout = rules_.timeout;
    sdk::OutboundCall call(middleware_, options);
    sdk::ErrorCode code = attempt(call, faults, on_started);
    for (int left = rules_.retries; left > 0 && code == sdk::ErrorCode::Unavailable; --left) {
      code = attempt(call, faults, on_started);
    }
    on_started();  // for one that never got so far
    return code;
  }

 protected:
  const Address& address() const { return address_; }

 private:
  virtual sdk::ErrorCode attempt(sdk::OutboundCall& call, const std::string& faults,
                                 const std::function<void()>& on_started) const = 0;

  const Address address_;
  const sdk::Protocol protocol_;
  const sdk::Middleware middleware_;
  const CallRules rules_;
  const std::string_view operation_;
};

// A connection for each attempt: one that is kept open holds a thread of the callee.
class HttpUpstream final : public CommonUpstream {
 public:
  HttpUpstream(const UpstreamSettings& settings, sdk::Middleware middleware, const CallRules& rules)
      : CommonUpstream(settings, std::move(middleware), rules, "GET /") {}

 private:
  sdk::ErrorCode attempt(sdk::OutboundCall& call, const std::string& faults,
                         const std::function<void()>& on_started) const override {
    httplib::Client client(address().host, address().port);
    client.set_read_timeout(kAnswerWaitMax);
    client.set_tcp_nodelay(true);
    // The first that the library does for an attempt that was started.
    client.set_socket_options([&](socket_t) { on_started(); });
    httplib::Request request;
    request.method = "GET";
    request.path = "/";
    if (!faults.empty()) request.set_header(kFaultHeader, faults_for_http(faults));
    const httplib::Result answer = sdk::send(call, client, request);
    return answer ? code_of(*answer) : code_of(answer.error(), call);
  }
  static sdk::ErrorCode code_of(const httplib::Response& answer) {
    const sdk::ErrorCode code = sdk::ErrorCode::from_http(answer.status);
    const std::string exact = answer.get_header_value(kCodeHeader);
    return code.is_ok() || exact.empty() ? code : sdk::ErrorCode::from_name(exact);
  }
  // As the SDK tells of it: nobody but time calls an attempt off.
  static sdk::ErrorCode code_of(httplib::Error error, const sdk::OutboundCall& call) {
    const auto left = call.time_left();
    const bool is_over = left && left->count() == 0;
    const bool is_timeout = error == httplib::Error::Canceled || error == httplib::Error::ConnectionTimeout;
    return is_over || is_timeout ? sdk::ErrorCode::DeadlineExceeded : sdk::ErrorCode::Unavailable;
  }
};

// A callee that was started again is found soon. The library makes no attempts of its own.
grpc::ChannelArguments channel_arguments() {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return arguments;
}

class GrpcUpstream final : public CommonUpstream {
 public:
  GrpcUpstream(const UpstreamSettings& settings, sdk::Middleware middleware, const CallRules& rules)
      : CommonUpstream(settings, std::move(middleware), rules, kGrpcMethod),
        channel_(grpc::CreateCustomChannel(authority(address().host, address().port),
                                           grpc::InsecureChannelCredentials(), channel_arguments())),
        method_(kGrpcPath, grpc::internal::RpcMethod::NORMAL_RPC, channel_) {}

 private:
  sdk::ErrorCode attempt(sdk::OutboundCall& call, const std::string& faults,
                         const std::function<void()>& on_started) const override {
    std::string exact;
    const grpc::Status status = sdk::call_rpc(call, [&](grpc::ClientContext& context) {
      on_started();
      if (!faults.empty()) context.AddMetadata(kFaultHeader, faults_for_grpc(faults));
      const grpc::ByteBuffer request(nullptr, 0);
      grpc::ByteBuffer answer;
      grpc::Status ended = grpc::internal::BlockingUnaryCall<grpc::ByteBuffer, grpc::ByteBuffer>(
          channel_.get(), method_, &context, request, &answer);
      const auto found = context.GetServerTrailingMetadata().find(kCodeHeader);
      if (found != context.GetServerTrailingMetadata().end()) exact.assign(found->second.data(), found->second.size());
      return ended;
    });
    if (!status.ok() && !exact.empty()) return sdk::ErrorCode::from_name(exact);
    return sdk::ErrorCode::from_number(status.error_code());
  }

  const std::shared_ptr<grpc::Channel> channel_;
  const grpc::internal::RpcMethod method_;
};

}  // namespace

std::unique_ptr<Upstream> make_upstream(const UpstreamSettings& settings, const sdk::Middleware& middleware,
                                        const CallRules& rules) {
  if (settings.protocol == sdk::Protocol::Grpc) return std::make_unique<GrpcUpstream>(settings, middleware, rules);
  return std::make_unique<HttpUpstream>(settings, middleware, rules);
}

}  // namespace backstitch::lab
