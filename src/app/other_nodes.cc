#include "app/other_nodes.h"

#include <utility>

namespace backstitch::app {

void OtherNodes::set(const route::Members& members, Own own) {
  std::vector<store::PeerAddress> others;
  for (const route::Member& member : members.all()) {
    if (member.name == own.name || net::to_string(member.query) == own.query) continue;
    others.push_back({.name = member.name, .query = member.query});
  }
  const std::lock_guard lock(mutex_);
  others_ = std::move(others);
  own_ = std::move(own);
}

std::vector<store::PeerAddress> OtherNodes::list() const {
  const std::lock_guard lock(mutex_);
  return others_;
}

std::string OtherNodes::self() const {
  const std::lock_guard lock(mutex_);
  return own_.name.empty() ? own_.query : own_.name;
}

}  // namespace backstitch::app
