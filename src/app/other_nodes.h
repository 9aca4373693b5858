// Whom this node asks besides itself: the members but this one, as the list has them now.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "route/membership.h"
#include "store/remote/remote_peers.h"

namespace backstitch::app {

// Thread-safe. Nobody at first.
class OtherNodes {
 public:
  struct Own {
    std::string name;   // among the members; "" where this node is none of them
    std::string query;  // the bound address of its query port: a member with that is this node too
  };
  void set(const route::Members& members, Own own);

  std::vector<store::PeerAddress> list() const;
  // This node's name; its query address where it is no member.
  std::string self() const;

 private:
  mutable std::mutex mutex_;
  std::vector<store::PeerAddress> others_;
  Own own_;
};

}  // namespace backstitch::app
