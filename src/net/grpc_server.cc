// One thread a completion queue. A thread owns its queue's calls: it registers them, reads their message into
// its one buffer, runs the handler, answers, and registers them again. Nothing is shared between threads but
// a flag.
#include "net/grpc_server.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/slice.h>
#include <grpc/support/time.h>
#include <grpcpp/alarm.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/support/byte_buffer.h>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "net/address.h"
#include "net/grpc_library.h"
#include "net/gzip.h"

// grpc++ declares this class a friend of ByteBuffer and leaves it to be defined. It is the one way to the
// compression flag of a message that the library was told not to decompress.
namespace grpc::internal {
class GrpcByteBufferPeer {
 public:
  static grpc_byte_buffer* c_buffer(ByteBuffer& buffer) { return buffer.c_buffer(); }
};
}  // namespace grpc::internal

namespace backstitch::net {

using base::Errc;
using base::fail;
using base::Result;
using std::chrono::nanoseconds;

namespace {

// Calls that wait for a client, per queue: a burst of as many is taken without a pause.
constexpr size_t kWaitingCalls = 32;
// Calls per queue in all; more clients wait inside the library.
constexpr size_t kCallsMax = 4096;
constexpr int kStreamsPerConnectionMax = 1024;
// A thread's message buffer beyond this is given back after the call.
constexpr size_t kKeptBufferBytes = 8 << 20;
// Late calls are looked for this often, or more often for a short timeout.
constexpr nanoseconds kSweepInterval = std::chrono::seconds(1);
constexpr nanoseconds kDrainPollInterval = std::chrono::milliseconds(20);

// From now on, by the library's clock.
gpr_timespec after(nanoseconds wait) { return gpr_time_from_nanos(wait.count(), GPR_TIMESPAN); }

struct Counters {
  explicit Counters(base::Metrics& metrics) : metrics_(metrics) {
    for (size_t code = 0; code < answered_.size(); ++code) {
      answered_[code] = nullptr;
    }
  }
  void answered(GrpcCode code) {
    const auto index = static_cast<size_t>(code) < answered_.size() ? static_cast<size_t>(code) : 2;
    base::Counter* counter = answered_[index].load(std::memory_order_acquire);
    if (counter == nullptr) {
      counter = &metrics_.counter("backstitch_grpc_requests", "gRPC calls answered", {{"code", std::to_string(index)}});
      answered_[index].store(counter, std::memory_order_release);
    }
    counter->add();
  }
  void refused(const std::string& reason) {
    metrics_.counter("backstitch_grpc_refused", "gRPC calls refused before a handler saw them", {{"reason", reason}})
        .add();
  }

 private:
  base::Metrics& metrics_;
  std::array<std::atomic<base::Counter*>, 17> answered_;
};

struct Shared {
  Shared(GrpcServerOptions given, GrpcHandler handle, base::Metrics& metrics)
      : options(std::move(given)), handler(std::move(handle)), counters(metrics) {}

  const GrpcServerOptions options;
  const GrpcHandler handler;
  Counters counters;
  grpc::AsyncGenericService service;
  std::atomic<bool> closing{false};  // register no more calls
  std::atomic<bool> closed{false};   // the server has ended all calls
};

// One call, over and over. Its address is the tag of its one operation under way.
struct Call {
  enum class State { Parked, Waiting, Reading, Finishing };

  State state = State::Parked;
  // Both are made for one call only; here they live in place.
  std::optional<grpc::GenericServerContext> context;
  std::optional<grpc::GenericServerAsyncReaderWriter> stream;
  grpc::ByteBuffer message;
  uint64_t sweeps_end = 0;
  bool late = false;
};

class Queue {
 public:
  Queue(Shared& shared, std::unique_ptr<grpc::ServerCompletionQueue> queue)
      : shared_(shared),
        queue_(std::move(queue)),
        sweep_interval_(std::clamp<nanoseconds>(shared.options.message_timeout / 8, std::chrono::milliseconds(5),
                                                kSweepInterval)) {}
  // Until the server is closed and every call of this queue has ended.
  void run();

 private:
  void advance(Call& call, bool ok);
  void wait_for_client(Call& call);
  void park(Call& call);
  void replenish();
  void read(Call& call);
  void answer(Call& call);
  void finish(Call& call, const GrpcReply& reply);
  Result<> read_message(Call& call);
  void notice(const Call& call) const;
  GrpcReply handle(Call& call);
  void sweep();

  Shared& shared_;
  std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  std::vector<std::unique_ptr<Call>> calls_;
  std::vector<Call*> parked_;
  size_t waiting_ = 0;
  size_t under_way_ = 0;  // operations whose completion is still to come
  std::string body_;
  Inflater inflater_;
  // Its tag is null. Time is counted in its firings.
  grpc::Alarm sweep_alarm_;
  const nanoseconds sweep_interval_;
  uint64_t sweeps_ = 0;
};

void Queue::run() {
  replenish();
  sweep_alarm_.Set(queue_.get(), after(sweep_interval_), nullptr);
  while (!(shared_.closed && under_way_ == 0)) {
    void* tag = nullptr;
    bool ok = false;
    const auto wait = shared_.closing ? kDrainPollInterval : kSweepInterval;
    if (queue_->AsyncNext(&tag, &ok, after(wait)) != grpc::CompletionQueue::GOT_EVENT) continue;
    if (tag == nullptr) {
      sweep();
      sweep_alarm_.Set(queue_.get(), after(sweep_interval_), nullptr);
    } else {
      --under_way_;
      advance(*static_cast<Call*>(tag), ok);
    }
  }
  sweep_alarm_.Cancel();
  queue_->Shutdown();
  void* tag = nullptr;
  bool ok = false;
  while (queue_->Next(&tag, &ok)) {
  }
}

void Queue::advance(Call& call, bool ok) {
  switch (call.state) {
    case Call::State::Waiting:
      --waiting_;
      if (!ok) return park(call);  // the server is closing
      read(call);
      return replenish();
    case Call::State::Reading:
      if (ok) return answer(call);
      // No message: the client went away, was late, sent nothing, or sent too much, which the library
      // refuses.
      if (call.late) shared_.counters.refused("slow_message");
      return finish(call, call.late
                              ? GrpcReply{.code = GrpcCode::Cancelled, .message = "the message was late"}
                              : GrpcReply{.code = GrpcCode::InvalidArgument, .message = "a call needs a message"});
    case Call::State::Finishing:
      park(call);
      return replenish();
    case Call::State::Parked:
      return;
  }
}

void Queue::park(Call& call) {
  call.stream.reset();
  call.context.reset();
  call.message.Clear();
  call.state = Call::State::Parked;
  parked_.push_back(&call);
}

void Queue::replenish() {
  while (waiting_ < kWaitingCalls && !shared_.closing) {
    if (parked_.empty()) {
      if (calls_.size() >= kCallsMax) return;
      calls_.push_back(std::make_unique<Call>());
      parked_.push_back(calls_.back().get());
    }
    Call& call = *parked_.back();
    parked_.pop_back();
    wait_for_client(call);
  }
}

void Queue::wait_for_client(Call& call) {
  call.context.emplace();
  call.stream.emplace(&*call.context);
  call.late = false;
  call.state = Call::State::Waiting;
  ++waiting_;
  ++under_way_;
  shared_.service.RequestCall(&*call.context, &*call.stream, queue_.get(), queue_.get(), &call);
}

void Queue::read(Call& call) {
  call.state = Call::State::Reading;
  call.sweeps_end = sweeps_ + static_cast<uint64_t>(shared_.options.message_timeout / sweep_interval_) + 1;
  ++under_way_;
  call.stream->Read(&call.message, &call);
}

void Queue::answer(Call& call) {
  GrpcReply reply;
  if (auto complete = read_message(call); !complete) {
    const bool too_large = complete.error().code == Errc::TooLarge;
    shared_.counters.refused(std::string(base::to_string(complete.error().code)));
    reply.code = too_large ? GrpcCode::ResourceExhausted : GrpcCode::Internal;
    reply.message = complete.error().message;
  } else {
    reply = handle(call);
  }
  if (body_.capacity() > kKeptBufferBytes) body_ = {};
  finish(call, reply);
}

// The message's bytes → body_: slices are copied once, or inflated as they are.
Result<> Queue::read_message(Call& call) {
  grpc_byte_buffer* const buffer = grpc::internal::GrpcByteBufferPeer::c_buffer(call.message);
  body_.clear();
  grpc_byte_buffer_reader reader;
  if (buffer == nullptr || grpc_byte_buffer_reader_init(&reader, buffer) == 0) {
    return fail(Errc::Malformed, "the message has no bytes");
  }
  const bool compressed = buffer->data.raw.compression != GRPC_COMPRESS_NONE;
  if (compressed) {
    inflater_.reset(shared_.options.message_bytes_max);
  } else {
    body_.reserve(grpc_byte_buffer_length(buffer));
  }
  Result<> result;
  grpc_slice* slice = nullptr;
  while (result && grpc_byte_buffer_reader_peek(&reader, &slice) != 0) {
    const std::string_view bytes(reinterpret_cast<const char*>(GRPC_SLICE_START_PTR(*slice)),
                                 GRPC_SLICE_LENGTH(*slice));
    if (compressed) {
      result = inflater_.feed(bytes, body_);
    } else {
      body_.append(bytes);
    }
  }
  grpc_byte_buffer_reader_destroy(&reader);
  if (result && compressed) result = inflater_.finish();
  // The library's buffers are free while the handler works.
  call.message.Clear();
  return result;
}

void Queue::notice(const Call& call) const {
  if (shared_.options.noticed_metadata.empty()) return;
  const auto& metadata = call.context->client_metadata();
  const auto found = metadata.find(shared_.options.noticed_metadata);
  if (found == metadata.end()) return;
  shared_.options.on_metadata({found->second.data(), found->second.size()});
}

GrpcReply Queue::handle(Call& call) {
  try {
    notice(call);
    return shared_.handler(call.context->method(), body_);
  } catch (const std::exception& error) {
    shared_.counters.refused("handler_failed");
    return {.code = GrpcCode::Internal, .message = std::string("the call failed inside the server: ") + error.what()};
  }
}

void Queue::finish(Call& call, const GrpcReply& reply) {
  shared_.counters.answered(reply.code);
  call.state = Call::State::Finishing;
  ++under_way_;
  if (reply.code == GrpcCode::Ok) {
    const grpc::Slice slice(reply.body);
    call.stream->WriteAndFinish(grpc::ByteBuffer(&slice, 1), grpc::WriteOptions(), grpc::Status::OK, &call);
    return;
  }
  call.stream->Finish(grpc::Status(static_cast<grpc::StatusCode>(reply.code), reply.message, reply.details), &call);
}

// Cancels the calls whose message does not come.
void Queue::sweep() {
  ++sweeps_;
  for (const auto& call : calls_) {
    if (call->state != Call::State::Reading || call->late || sweeps_ <= call->sweeps_end) continue;
    call->late = true;
    call->context->TryCancel();
  }
}

class Server final : public GrpcServer {
 public:
  Server(GrpcServerOptions options, GrpcHandler handler, base::Metrics& metrics)
      : shared_(std::move(options), std::move(handler), metrics) {}
  ~Server() override { Server::drain(nanoseconds(0)); }

  Result<> listen();

  uint16_t port() const override { return bound_.port; }
  std::string address() const override { return to_string(bound_); }
  void drain(nanoseconds wait) override;

 private:
  void configure(grpc::ServerBuilder& builder);

  Shared shared_;
  Address bound_;
  std::unique_ptr<grpc::Server> server_;
  std::vector<std::unique_ptr<Queue>> queues_;
  std::vector<std::thread> threads_;
  std::mutex drain_mutex_;
  bool drained_ = false;  // guarded by drain_mutex_
};

// The addresses that can be listened on. The library would print to stderr and say nothing to us.
Result<std::vector<Address>> bindable_addresses(std::string_view text) {
  const Result<Address> wanted = parse_address(text);
  if (!wanted) return std::unexpected(wanted.error());
  Result<std::vector<Address>> numeric = resolve(*wanted);
  if (!numeric) return std::unexpected(numeric.error());
  // Each address would pick a port of its own.
  if (wanted->port == 0) numeric->resize(1);
  std::vector<Address> usable;
  std::optional<base::Error> refused;
  for (const Address& address : *numeric) {
    const Result<> bindable = check_bindable(address);
    if (bindable) {
      usable.push_back(address);
      continue;
    }
    // localhost is ::1 too, which this machine may not have; but half of a taken port is taken.
    if (bindable.error().code == Errc::AlreadyExists) return std::unexpected(bindable.error());
    refused = bindable.error();
  }
  if (usable.empty()) return std::unexpected(*refused);
  return usable;
}

void Server::configure(grpc::ServerBuilder& builder) {
  const GrpcServerOptions& options = shared_.options;
  const auto bytes_max = static_cast<int>(std::min<size_t>(options.message_bytes_max, std::numeric_limits<int>::max()));
  builder.SetMaxReceiveMessageSize(bytes_max);
  builder.SetMaxSendMessageSize(-1);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kStreamsPerConnectionMax);
  // Exporters keep quiet connections open for hours and ping through them; ours find peers that are gone.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 120'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20'000);
  grpc::ResourceQuota quota("backstitch");
  quota.Resize(options.memory_bytes_max);
  builder.SetResourceQuota(quota);
  builder.RegisterAsyncGenericService(&shared_.service);
}

Result<> Server::listen() {
  Result<std::vector<Address>> addresses = bindable_addresses(shared_.options.address);
  if (!addresses) return std::unexpected(addresses.error());
  grpc::ServerBuilder builder;
  configure(builder);
  int port = 0;
  for (size_t i = 0; i < addresses->size(); ++i) {
    builder.AddListeningPort(to_string((*addresses)[i]), grpc::InsecureServerCredentials(), i == 0 ? &port : nullptr);
  }
  const unsigned threads = std::max(1u, shared_.options.threads);
  for (unsigned i = 0; i < threads; ++i) {
    queues_.push_back(std::make_unique<Queue>(shared_, builder.AddCompletionQueue()));
  }
  server_ = builder.BuildAndStart();
  if (server_ == nullptr || port <= 0) {
    // Someone was faster between the check and here, or the library has a reason of its own.
    for (const Address& address : *addresses) {
      if (auto bindable = check_bindable(address); !bindable) return bindable;
    }
    return fail(Errc::Io, "the gRPC library cannot listen on " + shared_.options.address);
  }
  bound_ = {addresses->front().host, static_cast<uint16_t>(port)};
  for (const auto& queue : queues_) threads_.emplace_back([&queue = *queue] { queue.run(); });
  return {};
}

void Server::drain(nanoseconds wait) {
  const std::lock_guard once(drain_mutex_);
  if (drained_) return;
  drained_ = true;
  shared_.closing = true;
  if (server_ != nullptr) {
    // Refuses new calls, waits, then cancels what is left. The queues' threads work on meanwhile.
    server_->Shutdown(after(std::min<nanoseconds>(wait, std::chrono::hours(24))));
  }
  shared_.closed = true;
  for (std::thread& thread : threads_) thread.join();
}

}  // namespace

Result<std::unique_ptr<GrpcServer>> GrpcServer::start(GrpcServerOptions options, GrpcHandler handler,
                                                      base::Metrics& metrics) {
  try {
    keep_grpc_library();
    auto server = std::make_unique<Server>(std::move(options), std::move(handler), metrics);
    if (auto listening = server->listen(); !listening) return std::unexpected(listening.error());
    return server;
  } catch (const std::exception& error) {
    return fail(Errc::Io, std::string("cannot start the gRPC server: ") + error.what());
  }
}

}  // namespace backstitch::net
