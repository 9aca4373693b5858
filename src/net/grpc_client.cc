#include "net/grpc_client.h"

#include <algorithm>
#include <grpc/support/time.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>
#include <mutex>
#include <set>
#include <vector>

#include "net/grpc_library.h"

namespace backstitch::net {

namespace {

GrpcReply to_reply(const grpc::Status& status, const grpc::ByteBuffer& response) {
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

// To be cancelled together. Thread-safe.
class CallsUnderWay {
 public:
  void add(grpc::ClientContext& call) {
    const std::lock_guard lock(mutex_);
    calls_.insert(&call);
    if (is_stopped_) call.TryCancel();
  }
  void remove(grpc::ClientContext& call) {
    const std::lock_guard lock(mutex_);
    calls_.erase(&call);
  }
  void stop() {
    const std::lock_guard lock(mutex_);
    is_stopped_ = true;
    for (grpc::ClientContext* call : calls_) call->TryCancel();
  }

 private:
  std::mutex mutex_;
  std::set<grpc::ClientContext*> calls_;  // guarded by mutex_
  bool is_stopped_ = false;               // likewise
};

// One queue a call keeps calls of several threads apart; making one costs little beside the call.
class Call final : public GrpcCall {
 public:
  // The stub, the options and `calls` outlive it.
  struct Client {
    grpc::GenericStub& stub;
    const GrpcClientOptions& options;
    CallsUnderWay& calls;
  };
  Call(const Client& client, const std::string& method, const grpc::ByteBuffer& request, const GrpcMetadata& metadata)
      : calls_(client.calls) {
    const GrpcClientOptions& options = client.options;
    if (options.gzip) context_.set_compression_algorithm(GRPC_COMPRESS_GZIP);
    for (const auto& [name, value] : metadata) context_.AddMetadata(name, value);
    const auto wait = std::min<std::chrono::nanoseconds>(options.timeout, std::chrono::hours(24));
    context_.set_deadline(gpr_time_from_nanos(wait.count(), GPR_TIMESPAN));
    call_ = client.stub.PrepareUnaryCall(&context_, method, request, &queue_);
    call_->StartCall();
    call_->Finish(&response_, &status_, this);
    calls_.add(context_);
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  ~Call() override {
    calls_.remove(context_);
    if (is_ended_) return;
    context_.TryCancel();
    finish();
  }

  GrpcReply wait() override {
    finish();
    return to_reply(status_, response_);
  }

 private:
  void finish() {
    void* tag = nullptr;
    bool ok = false;
    queue_.Next(&tag, &ok);
    is_ended_ = true;
  }

  CallsUnderWay& calls_;
  grpc::ClientContext context_;
  grpc::CompletionQueue queue_;
  std::unique_ptr<grpc::GenericClientAsyncResponseReader> call_;
  grpc::ByteBuffer response_;
  grpc::Status status_;
  bool is_ended_ = false;
};

grpc::ByteBuffer shared_bytes(std::shared_ptr<const std::string> body) {
  const size_t size = body->size();
  char* const data = const_cast<char*>(body->data());  // the library takes no const; it does not write
  auto* const owner = new std::shared_ptr<const std::string>(std::move(body));
  const grpc::Slice slice(
      data, size, [](void* held) { delete static_cast<std::shared_ptr<const std::string>*>(held); }, owner);
  return {&slice, 1};
}

class Client final : public GrpcClient {
 public:
  explicit Client(GrpcClientOptions options) : options_(std::move(options)), stub_(connect(options_)) {}

  GrpcReply call(const std::string& method, std::string_view body) override {
    const grpc::Slice slice(body.data(), body.size());
    return Call({stub_, options_, calls_}, method, grpc::ByteBuffer(&slice, 1), {}).wait();
  }
  std::unique_ptr<GrpcCall> start(const std::string& method, std::shared_ptr<const std::string> body,
                                  const GrpcMetadata& metadata) override {
    return std::make_unique<Call>(Call::Client{stub_, options_, calls_}, method, shared_bytes(std::move(body)),
                                  metadata);
  }
  void stop() override { calls_.stop(); }

 private:
  static std::shared_ptr<grpc::Channel> connect(const GrpcClientOptions& options) {
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(-1);
    arguments.SetMaxSendMessageSize(-1);
    // A connection of its own: two clients of one process are two clients.
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, static_cast<int>(options.reconnect_max.count()));
    return grpc::CreateCustomChannel(options.address, grpc::InsecureChannelCredentials(), arguments);
  }

  const GrpcClientOptions options_;
  grpc::GenericStub stub_;
  CallsUnderWay calls_;
};

}  // namespace

std::unique_ptr<GrpcClient> GrpcClient::create(GrpcClientOptions options) {
  keep_grpc_library();
  return std::make_unique<Client>(std::move(options));
}

}  // namespace backstitch::net
