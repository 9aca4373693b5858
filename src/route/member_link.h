// The way to one member: sends it export requests over OTLP gRPC, tells what came of each, and remembers whether it is
// worth trying. A member that cannot be reached, or does not answer in time, is left alone for a while, longer each
// time (100 ms … 5 s, half of it drawn, so that routers do not come back together); one that asked for a pause gets it.
// https://opentelemetry.io/docs/specs/otlp/#failures
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/counters.h"
#include "base/random.h"
#include "base/time.h"
#include "net/grpc_client.h"

namespace backstitch::route {

constexpr std::string_view kExportMethod = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

// How requests travel, over a connection of their own: OTLP/gRPC, or what answers like it.
using ConnectMember = std::function<std::unique_ptr<net::GrpcClient>()>;

struct MemberLinkOptions {
  std::string name;  // "host:port"
  base::Duration timeout = std::chrono::seconds(5);
  size_t connections = 2;  // calls take turns
  uint64_t seed = 0;
  // What its metrics begin with, and their label.
  std::string metrics = "backstitch_route";
  std::string label = "member";
  ConnectMember connect = nullptr;  // null: gRPC to the address that is the name
  // Whether what it refuses is not to be lost while it may mean something else by it: for somebody's backend.
  // RESOURCE_EXHAUSTED without RetryInfo is then a rate limit unless the answer speaks of the message's size (our own
  // nodes say RetryInfo where they mean "later"). UNAUTHENTICATED, PERMISSION_DENIED and UNIMPLEMENTED are about the
  // backend or our configuration, not about the request: Away. Refused requests come again in parts: who sends them
  // says which spans are lost (note_lost()).
  bool is_foreign = false;
};

enum class Delivery {
  Accepted,  // it has them, but for rejected_spans
  Busy,      // it has nothing, and wants them later
  Away,      // it cannot be reached, did not answer in time, or takes nothing now: whether it has them is not known
  Refused,   // it will never take them
};

struct Delivered {
  Delivery delivery = Delivery::Accepted;
  bool is_too_large = false;    // of Refused
  bool is_denied = false;       // of Away: it answers, and takes nothing from us
  bool is_late = false;         // of Away: no answer in time
  uint64_t rejected_spans = 0;  // of Accepted
  std::string message;          // why, for people
};

// Thread-safe.
//
// Metrics, each with {member}, or as the options say: backstitch_route_requests, backstitch_route_spans (that it
// accepted), backstitch_route_rejected_spans, backstitch_route_failures{reason}.
class MemberLink {
 public:
  // Does not connect yet. `clock` and `metrics` outlive it.
  MemberLink(MemberLinkOptions options, const base::Clock& clock, base::Metrics& metrics);
  MemberLink(const MemberLink&) = delete;
  MemberLink& operator=(const MemberLink&) = delete;

  const std::string& name() const { return options_.name; }
  // It failed lately: others come first.
  bool is_away() const { return clock_.monotonic().count() < away_until_.load(); }
  // True where a request is to be sent to it now. Once it was away, one request at a time finds out whether it is back:
  // who is told true then sends.
  bool may_send();
  // It asked for a pause: what is its own can wait.
  bool is_busy() const { return clock_.monotonic().count() < busy_until_.load(); }

  // A request on its way to the member.
  class Sending {
   public:
    // Blocks until it is known, at most the timeout. Once.
    Delivered wait();

   private:
    friend class MemberLink;
    MemberLink* link_ = nullptr;
    std::unique_ptr<net::GrpcCall> call_;
    uint64_t spans_ = 0;
  };
  // The link outlives it. `spans` are those in `request`, for the counters.
  Sending send(std::shared_ptr<const std::string> request, uint64_t spans, const net::GrpcMetadata& metadata);
  // Spans of a foreign backend's refusals that are not sent again.
  void note_lost(uint64_t spans) { rejected_spans_.add(spans); }

  // From any thread, for good: what is under way, and all that is sent later, ends at once as Away.
  void stop();

 private:
  Delivered judge(const net::GrpcReply& reply, uint64_t spans);
  Delivered note_accepted(const net::GrpcReply& reply, uint64_t spans);
  void note_reached();
  void note_away(base::Counter& reason);
  void note_busy(base::Duration wait);
  base::Duration next_busy();
  base::Duration drawn(base::Duration wait);

  const MemberLinkOptions options_;
  const base::Clock& clock_;
  std::vector<std::unique_ptr<net::GrpcClient>> clients_;
  std::atomic<size_t> turn_{0};
  base::Counter& requests_;
  base::Counter& spans_;
  base::Counter& rejected_spans_;
  base::Counter& unreachable_;
  base::Counter& timeouts_;
  base::Counter& busy_;
  base::Counter& denied_;
  base::Counter& refused_;
  std::atomic<int64_t> away_until_{0};  // of the monotonic clock; 0 while it is well
  std::atomic<bool> is_probed_{false};
  std::atomic<int64_t> busy_until_{0};

  std::mutex mutex_;
  base::Random random_;          // guarded by mutex_
  base::Duration next_away_{0};  // likewise; 0 while it is well
  base::Duration next_busy_{0};  // likewise; 0 since it took something
};

}  // namespace backstitch::route
