#include "net/grpc_client.h"

#include <algorithm>
#include <grpc/support/time.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>
#include <vector>

#include "net/grpc_library.h"

namespace backstitch::net {

namespace {

class Client final : public GrpcClient {
 public:
  explicit Client(GrpcClientOptions options) : options_(std::move(options)), stub_(connect(options_)) {}

  GrpcReply call(const std::string& method, std::string_view body) override {
    grpc::ClientContext context;
    if (options_.gzip) context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
    const auto wait = std::min<std::chrono::nanoseconds>(options_.timeout, std::chrono::hours(24));
    context.set_deadline(gpr_time_from_nanos(wait.count(), GPR_TIMESPAN));
    const grpc::Slice slice(body.data(), body.size());
    const grpc::ByteBuffer request(&slice, 1);

    // One queue a call keeps calls of several threads apart; making one costs little beside the call.
    grpc::CompletionQueue queue;
    auto call = stub_.PrepareUnaryCall(&context, method, request, &queue);
    call->StartCall();
    grpc::ByteBuffer response;
    grpc::Status status;
    call->Finish(&response, &status, &call);
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);

    GrpcReply reply;
    reply.code = static_cast<GrpcCode>(status.error_code());
    reply.message = status.error_message();
    reply.details = status.error_details();
    std::vector<grpc::Slice> slices;
    if (status.ok() && response.Dump(&slices).ok()) {
      for (const grpc::Slice& part : slices) {
        reply.body.append(reinterpret_cast<const char*>(part.begin()), part.size());
      }
    }
    return reply;
  }

 private:
  static std::shared_ptr<grpc::Channel> connect(const GrpcClientOptions& options) {
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(-1);
    arguments.SetMaxSendMessageSize(-1);
    // A connection of its own: two clients of one process are two clients.
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel(options.address, grpc::InsecureChannelCredentials(), arguments);
  }

  const GrpcClientOptions options_;
  grpc::GenericStub stub_;
};

}  // namespace

std::unique_ptr<GrpcClient> GrpcClient::create(GrpcClientOptions options) {
  keep_grpc_library();
  return std::make_unique<Client>(std::move(options));
}

}  // namespace backstitch::net
