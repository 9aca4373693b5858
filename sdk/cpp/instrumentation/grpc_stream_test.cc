// Streams of both APIs that end well, fail, or break half way, over real servers and channels.
#include <arpa/inet.h>
#include <atomic>
#include <future>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

#include "instrumentation/grpc_testing.h"

namespace backstitch::sdk {
namespace {

constexpr int kPieces = 2;

int listen_on_loopback(int& port) {
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
  EXPECT_EQ(::listen(listener, 1), 0);
  port = ntohs(address.sin_port);
  return listener;
}

// One connection to a service, which can be cut.
class Cable {
 public:
  explicit Cable(int target) : listener_(listen_on_loopback(port_)), there_(::socket(AF_INET, SOCK_STREAM, 0)) {
    threads_[0] = std::thread([this, target] {
      here_ = ::accept(listener_, nullptr, nullptr);
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      address.sin_port = htons(static_cast<uint16_t>(target));
      EXPECT_EQ(::connect(there_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
      threads_[1] = std::thread([this] { pump(there_, here_); });
      pump(here_, there_);
    });
  }
  ~Cable() {
    cut();
    for (std::thread& thread : threads_) thread.join();
    for (const int socket : {listener_, there_, here_.load()}) ::close(socket);
  }
  int port() const { return port_; }
  void cut() const {
    for (const int socket : {listener_, there_, here_.load()}) ::shutdown(socket, SHUT_RDWR);
  }

 private:
  void pump(int from, int to) const {
    char buffer[4096];
    ssize_t size;
    while ((size = ::recv(from, buffer, sizeof buffer, 0)) > 0) {
      if (::send(to, buffer, static_cast<size_t>(size), MSG_NOSIGNAL) != size) break;
    }
    cut();
  }

  int port_ = 0;
  const int listener_, there_;
  std::atomic<int> here_{-1};
  std::thread threads_[2];
};

// Some pieces, and that end.
Method ending(grpc::Status status) {
  return streaming([=](const Middleware&, grpc::ServerContext&, grpc::ServerWriter<Bytes>& writer) {
    for (int i = 0; i < kPieces; ++i) writer.Write(message());
    return status;
  });
}

// The same with a reactor, as grpc_rpc.h shows it; without a status it waits until its caller is gone.
class Pieces final : public grpc::ServerWriteReactor<Bytes> {
 public:
  Pieces(const Middleware& middleware, const Listener& listener, grpc::CallbackServerContext& context,
         std::optional<grpc::Status> status)
      : rpc_(middleware, listener, context, "test.Service/Get"), status_(std::move(status)) {
    next();
  }
  void OnWriteDone(bool is_written) override { is_written ? next() : end(grpc::Status::CANCELLED); }
  void OnCancel() override { end(grpc::Status::CANCELLED); }
  void OnDone() override {
    rpc_.done();
    delete this;
  }

 private:
  void next() {
    if (left_-- > 0) return StartWrite(&piece_);
    if (status_) end(*status_);
  }
  void end(const grpc::Status& status) {
    if (!has_ended_.exchange(true)) Finish(rpc_.finish(status));
  }

  ServedRpc rpc_;
  const std::optional<grpc::Status> status_;
  const Bytes piece_ = message();
  int left_ = kPieces;
  std::atomic<bool> has_ended_{false};
};
Method reacting(std::optional<grpc::Status> status) {
  return streaming_callback(
      [=](const Middleware& middleware, const Listener& listener, grpc::CallbackServerContext& context) {
        return new Pieces(middleware, listener, context, status);
      });
}

// Reads the stream of whoever is at that port, and answers as it does. `last_seen` is told when all pieces are there.
Handle reading(int port, std::function<void()> last_seen = [] {}) {
  return [=](const Middleware& middleware, grpc::ServerContext&) {
    OutboundCall call = call_of(middleware, port);
    return call_rpc(call, [&](grpc::ClientContext& context) {
      const Client client(port, grpc::internal::RpcMethod::SERVER_STREAMING);
      const std::unique_ptr<grpc::ClientReader<Bytes>> reader(
          grpc::internal::ClientReaderFactory<Bytes>::Create(client.channel.get(), client.method, &context, message()));
      Bytes piece;
      int pieces = 0;
      while (reader->Read(&piece)) {
        if (++pieces == kPieces) last_seen();
      }
      EXPECT_EQ(pieces, kPieces);
      return reader->Finish();
    });
  };
}

// The same with a reactor that outlives it.
class Reader final : public grpc::ClientReadReactor<Bytes> {
 public:
  Reader(const OutboundCall& call, int port, std::function<void(const grpc::Status&)> done)
      : rpc_(call), client_(port, grpc::internal::RpcMethod::SERVER_STREAMING), done_(std::move(done)) {
    EXPECT_TRUE(rpc_.has_time());
    grpc::internal::ClientCallbackReaderFactory<Bytes>::Create(client_.channel.get(), client_.method, &rpc_.client(),
                                                               &request_, this);
    StartRead(&piece_);
    StartCall();
  }
  void OnReadDone(bool is_read) override {
    if (is_read) StartRead(&piece_);
  }
  void OnDone(const grpc::Status& status) override {
    rpc_.done(status);
    done_(status);
    delete this;
  }

 private:
  RpcAttempt rpc_;
  const Client client_;
  const std::function<void(const grpc::Status&)> done_;
  const Bytes request_ = message();
  Bytes piece_;
};
Method reading_later(int port) {
  return unary_callback([=](const Middleware& middleware, grpc::CallbackServerContext&, const UnaryAnswer& answer) {
    new Reader(call_of(middleware, port), port, [=](const grpc::Status& status) { answer.finish(status); });
  });
}

const grpc::Status kDeclined(grpc::StatusCode::ABORTED, "card declined");
constexpr std::string_view kDeclinedByB =
    R"({"service":"service-b","status":"error","code":"aborted","error":"card declined"})";

TEST(GrpcStreamTest, a_stream_that_fails_half_way_brings_its_tree) {
  for (const Method& method : {ending(kDeclined), reacting(kDeclined)}) {
    Server b("service-b", kTrusted, {}, method);
    Server root("root", kExposed, {{b.port(), "service-b"}}, reading(b.port()));
    EXPECT_EQ(children(ask(root).tree), kDeclinedByB);
    Server reactor("root", kExposed, {{b.port(), "service-b"}}, reading_later(b.port()));
    EXPECT_EQ(children(ask(reactor).tree), kDeclinedByB);
    EXPECT_EQ(b.spans(model::SpanKind::Server, 2).size(), 2u);
  }
}

TEST(GrpcStreamTest, a_stream_that_ends_well_has_no_tree) {
  for (const Method& method : {ending(grpc::Status::OK), reacting(grpc::Status::OK)}) {
    Server b("service-b", kTrusted, {}, method);
    Server root("root", kExposed, {{b.port(), "service-b"}}, reading(b.port()));
    Server reactor("root", kExposed, {{b.port(), "service-b"}}, reading_later(b.port()));
    EXPECT_EQ(ask(root).tree, "");
    EXPECT_EQ(ask(reactor).tree, "");
  }
}

// Sends all pieces, then waits until its caller is gone.
Method waiting() {
  return streaming([](const Middleware&, grpc::ServerContext& context, grpc::ServerWriter<Bytes>& writer) {
    for (int i = 0; i < kPieces; ++i) writer.Write(message());
    EXPECT_TRUE(eventually([&] { return context.IsCancelled(); }));
    return grpc::Status::CANCELLED;
  });
}

TEST(GrpcStreamTest, a_stream_that_breaks_half_way_is_a_leaf_and_its_service_reports_its_end) {
  for (const Method& method : {waiting(), reacting({})}) {
    Server b("service-b", kTrusted, {}, method);
    const Cable cable(b.port());
    Server root("root", kExposed, {{cable.port(), "service-b"}}, reading(cable.port(), [&] { cable.cut(); }));
    const std::string child = children(ask(root).tree);
    EXPECT_EQ(child.find(R"({"service":"service-b","status":"error","code":"unavailable","error":")"), 0u) << child;
    EXPECT_TRUE(child.ends_with(R"(","observed":"caller"})")) << child;
    const auto at_b = b.spans(model::SpanKind::Server);
    ASSERT_EQ(at_b.size(), 1u);
    EXPECT_EQ(event_of(at_b[0]).tree.find(R"({"service":"service-b","status":"error","code":"cancelled")"), 0u)
        << event_of(at_b[0]).tree;
  }
}

}  // namespace
}  // namespace backstitch::sdk
