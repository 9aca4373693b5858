// Real servers and channels on loopback, whose messages are bytes.
#include "backstitch/instrumentation/grpc.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/client_unary_call.h>
#include <grpcpp/impl/rpc_service_method.h>
#include <grpcpp/impl/service_type.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/method_handler.h>
#include <gtest/gtest.h>

#include "src/middleware_testing.h"

namespace backstitch::sdk {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr const char* kMethod = "/test.Service/Get";

using Bytes = grpc::ByteBuffer;
using Handle = std::function<grpc::Status(const Middleware&, grpc::ServerContext&)>;

Bytes message() {
  const grpc::Slice bytes("x");
  return Bytes(&bytes, 1);
}

// A service with a gRPC server of its own. It trusts the ports of its hosts, of which it calls the first.
class Server final : public grpc::Service {
 public:
  Server(std::string name, Listener listener, std::vector<std::pair<int, std::string>> hosts, Handle handle)
      : traced_(TracerProviderOptions(), std::move(name)), listener_(listener), handle_(std::move(handle)) {
    middleware_ = Middleware(*traced_.provider, trusting(hosts));
    AddMethod(new grpc::internal::RpcServiceMethod(
        kMethod, grpc::internal::RpcMethod::NORMAL_RPC,
        new grpc::internal::RpcMethodHandler<Server, Bytes, Bytes, Bytes, Bytes>(
            [](Server* self, grpc::ServerContext* context, const Bytes*, Bytes* bytes) {
              *bytes = message();
              return self->answer(*context);
            },
            this)));
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  ~Server() override { server_->Shutdown(std::chrono::system_clock::now() + seconds(5)); }

  int port() const { return port_; }
  Traced& traced() { return traced_; }

 private:
  grpc::Status answer(grpc::ServerContext& context) const {
    return serve(middleware_, listener_, context, "test.Service/Get", [&] { return handle_(middleware_, context); });
  }

  Traced traced_;
  const Listener listener_;
  const Handle handle_;
  Middleware middleware_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

grpc::Status get(int port, grpc::ClientContext& context) {
  const auto channel = grpc::CreateChannel("127.0.0.1:" + std::to_string(port), grpc::InsecureChannelCredentials());
  const grpc::internal::RpcMethod method(kMethod, grpc::internal::RpcMethod::NORMAL_RPC, channel);
  const Bytes request = message();
  Bytes answer;
  return grpc::internal::BlockingUnaryCall<Bytes, Bytes>(channel.get(), method, &context, request, &answer);
}

// Calls the service on that port, and answers as it does, with `code` where it fails.
Handle calling(int port, std::optional<grpc::StatusCode> code = {}, int attempts = 1,
               std::optional<std::chrono::nanoseconds> timeout = {}) {
  return [=](const Middleware& middleware, grpc::ServerContext&) {
    OutboundOptions options{"test.Service/Get", "127.0.0.1", static_cast<uint16_t>(port), Protocol::Grpc};
    options.timeout = timeout;
    OutboundCall call(middleware, options);
    grpc::Status status;
    for (int i = 0; i < attempts; ++i) {
      status = call_rpc(call, [&](grpc::ClientContext& context) { return get(port, context); });
      if (status.ok()) return status;
    }
    return grpc::Status(code.value_or(status.error_code()), "");
  };
}

Handle answering(grpc::StatusCode code, std::string message = "") {
  return [=](const Middleware&, grpc::ServerContext&) { return grpc::Status(code, message); };
}

struct Answer {
  grpc::Status status;
  std::string tree;  // x-error-tree
};
Answer ask(const Server& server, std::map<std::string, std::string> metadata = {}) {
  grpc::ClientContext context;
  for (const auto& [key, value] : metadata) context.AddMetadata(key, value);
  Answer answer{get(server.port(), context), ""};
  const auto& trailers = context.GetServerTrailingMetadata();
  const auto found = trailers.find("x-error-tree");
  if (found != trailers.end()) answer.tree = std::string(found->second.data(), found->second.size());
  return answer;
}

// The children that root tells of.
std::string children(const std::string& tree) {
  const size_t at = tree.find("\"children\":[");
  return at == std::string::npos ? tree : tree.substr(at + 12, tree.size() - at - 14);
}

TEST(GrpcTest, the_specifications_drift_comes_back_through_three_services) {
  Server e("service-e", kTrusted, {}, answering(grpc::StatusCode::PERMISSION_DENIED));
  Server b("service-b", kTrusted, {{e.port(), "service-e"}}, calling(e.port(), grpc::StatusCode::NOT_FOUND));
  Server root("root", kExposed, {{b.port(), "service-b"}}, calling(b.port()));
  const Answer answer = ask(root);
  EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(answer.tree, kDrift);
  const model::SpanSet at_root = root.traced().spans(), at_b = b.traced().spans();
  ASSERT_FALSE(at_root.spans.empty());
  ASSERT_FALSE(at_b.spans.empty());
  EXPECT_EQ(at_root.spans[0].trace_id, at_b.spans[0].trace_id);
}

TEST(GrpcTest, a_call_that_succeeds_has_no_tree) {
  Server b("service-b", kTrusted, {}, answering(grpc::StatusCode::OK));
  Server root("root", kExposed, {{b.port(), "service-b"}}, calling(b.port()));
  const Answer answer = ask(root);
  EXPECT_TRUE(answer.status.ok());
  EXPECT_EQ(answer.tree, "");
}

TEST(GrpcTest, messages_travel_with_their_service) {
  Server b("service-b", kTrusted, {}, answering(grpc::StatusCode::ABORTED, "card declined"));
  Server root("root", kExposed, {{b.port(), "service-b"}}, calling(b.port()));
  EXPECT_EQ(children(ask(root).tree),
            R"({"service":"service-b","status":"error","code":"aborted","error":"card declined"})");
}

TEST(GrpcTest, a_trusted_caller_that_says_nothing_gets_json) {
  Server b("service-b", kTrusted, {}, answering(grpc::StatusCode::ABORTED));
  EXPECT_NE(ask(b).tree, "");
  EXPECT_EQ(ask(b, {{"x-error-tree-accept", "bin"}}).tree, "");
  EXPECT_EQ(ask(b, {{"x-error-bypass", "true"}}).tree, "");
}

TEST(GrpcTest, a_refused_connection_is_unavailable_and_retries_fold) {
  int port;
  {
    Server gone("service-b", kTrusted, {}, answering(grpc::StatusCode::OK));
    port = gone.port();
  }
  Server root("root", kExposed, {{port, "service-b"}}, calling(port, {}, 2));
  const std::string child = children(ask(root).tree);
  EXPECT_EQ(child.find(R"({"service":"service-b","status":"error","code":"unavailable")"), 0u) << child;
  EXPECT_NE(child.find(R"("observed":"caller","count":2)"), std::string::npos) << child;
}

TEST(GrpcTest, a_callee_that_is_too_slow_exceeds_the_deadline_and_reports_its_end) {
  Server b("service-b", kTrusted, {}, [](const Middleware&, grpc::ServerContext& context) {
    EXPECT_TRUE(work_deadline());
    state_committed(true);
    EXPECT_TRUE(eventually([&] { return context.IsCancelled(); }));
    return grpc::Status::OK;
  });
  Server root("root", kExposed, {{b.port(), "service-b"}}, calling(b.port(), {}, 1, milliseconds(100)));
  const std::string child = children(ask(root).tree);
  EXPECT_EQ(child.find(R"({"service":"service-b","status":"error","code":"deadline-exceeded")"), 0u) << child;
  EXPECT_NE(child.find(R"("observed":"caller")"), std::string::npos) << child;
  EXPECT_TRUE(eventually([&] {
    const model::SpanSet set = b.traced().spans();
    return !set.spans.empty() && !set.spans[0].events.empty() && set.spans[0].events[0].name == "backstitch.error_tree";
  }));
}

TEST(GrpcTest, deadlines_shrink_on_the_way) {
  std::optional<std::chrono::nanoseconds> left;
  Server b("service-b", kTrusted, {}, [&](const Middleware&, grpc::ServerContext&) {
    left = *work_deadline() - std::chrono::steady_clock::now();
    return grpc::Status::OK;
  });
  Server root("root", {true}, {{b.port(), "service-b"}}, calling(b.port()));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + seconds(60));
  EXPECT_TRUE(get(root.port(), context).ok());
  ASSERT_TRUE(left);
  // 60 s less a twentieth, twice; on its way the library rounds a time up to three digits.
  EXPECT_LE(*left, milliseconds(57'100) * 95 / 100);
  EXPECT_GT(*left, seconds(20));
}

}  // namespace
}  // namespace backstitch::sdk
