// Brings one request to the members that its traces belong to: divides it by trace id, sends all parts at the same
// time, and waits for what comes of them. A part whose member is away goes to the next in the order of each of its
// traces; one whose member asked for a pause is left over, as is one that nobody takes in time.
//
//   Dispatcher dispatcher({}, members, {clock, metrics});
//   auto done = dispatcher.dispatch(request);
//   for (const Body& body : done->left) queue.push(*body.bytes);   // whatever is not yet anywhere
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/counters.h"
#include "base/result.h"
#include "base/time.h"
#include "route/member_link.h"
#include "route/member_source.h"
#include "route/membership.h"
#include "wire/otlp/split.h"

namespace backstitch::route {

struct DispatcherOptions {
  base::Duration timeout = std::chrono::seconds(3);  // for a member to answer
  // Behind this no further member is tried: clients wait for 10 s as a rule.
  base::Duration give_up_after = std::chrono::milliseconds(4500);
  size_t connections = 2;  // to each member
  wire::otlp::SplitLimits limits;
  uint64_t seed = 0;
};

// A whole ExportTraceServiceRequest.
struct Body {
  std::shared_ptr<const std::string> bytes;
  uint64_t spans = 0;
};

struct Dispatched {
  uint64_t spans = 0;           // in the request
  uint64_t rejected_spans = 0;  // of parts that were taken: told by their members
  uint64_t refused_spans = 0;   // of parts that no member will ever take
  uint32_t refused_parts = 0;
  uint32_t taken_parts = 0;
  bool is_too_large = false;  // why the first refused part was refused
  std::string message;        // of the first rejection or refusal
  std::vector<Body> left;     // not known to be anywhere
};

// Thread-safe. Goes by the members of the moment when a request comes.
//
// Metrics: backstitch_route_rerouted_spans{member}, backstitch_route_undivided_requests, backstitch_route_members_away,
// and those of MemberLink.
class Dispatcher {
 public:
  struct World {
    const base::Clock& clock;
    base::Metrics& metrics;
  };
  // All outlive it.
  Dispatcher(DispatcherOptions options, MemberSource& members, World world);
  ~Dispatcher();
  Dispatcher(const Dispatcher&) = delete;
  Dispatcher& operator=(const Dispatcher&) = delete;

  // Blocks until every part is somewhere or left. Malformed, TooLarge: nothing was sent.
  base::Result<Dispatched> dispatch(std::shared_ptr<const std::string> request);

  size_t member_count() const { return routing()->links.size(); }
  // From now on nothing is tried a second time.
  void hurry() { is_hurried_ = true; }

 private:
  // What one list of members comes to.
  struct Routing {
    std::shared_ptr<const Members> members;
    std::vector<std::shared_ptr<MemberLink>> links;  // shared with the routing before, where a member stays
    net::GrpcMetadata metadata;
  };
  struct Part {
    Body body;
    uint32_t target = 0;
  };

  void adopt(const std::shared_ptr<const Members>& members);
  std::shared_ptr<const Routing> routing() const;
  double members_away() const;
  base::Result<std::vector<Part>> divide(const Routing& routing, const Body& body, const std::vector<bool>& excluded,
                                         uint64_t* spans);
  // Sends what can be sent and fills `done`; returns the parts whose members are away, and excludes those.
  std::vector<Part> send(const Routing& routing, std::vector<Part> parts, std::vector<bool>& excluded,
                         Dispatched& done);
  std::vector<Part> reroute(const Routing& routing, std::vector<Part> parts, const std::vector<bool>& excluded,
                            Dispatched& done);

  const DispatcherOptions options_;
  MemberSource& members_;
  const World world_;
  base::Counter& undivided_;
  std::atomic<bool> is_hurried_{false};
  uint64_t links_made_ = 0;  // whoever tells of members does so one at a time

  mutable std::mutex mutex_;
  std::shared_ptr<const Routing> routing_;                        // guarded by mutex_
  std::vector<std::unique_ptr<wire::otlp::Splitter>> splitters_;  // likewise: those that nobody uses
};

}  // namespace backstitch::route
