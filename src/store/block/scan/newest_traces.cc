#include "store/block/scan/newest_traces.h"

#include <iterator>

namespace backstitch::store::block {

void NewestTraces::offer(const Hit& hit) {
  const auto known = hits_.find(hit.head.id);
  if (known != hits_.end()) {
    if (!hit.replaces(known->second)) return;
    places_.erase(known->second.place());
    known->second = hit;
    places_.insert(hit.place());
    return;
  }
  if (is_full() && (limit_ == 0 || *places_.rbegin() < hit.place())) return;
  hits_.emplace(hit.head.id, hit);
  places_.insert(hit.place());
  if (places_.size() <= limit_) return;
  hits_.erase(places_.rbegin()->id);
  places_.erase(std::prev(places_.end()));
}

std::vector<Hit> NewestTraces::take() const {
  std::vector<Hit> newest;
  for (const Place& place : places_) newest.push_back(hits_.at(place.id));
  return newest;
}

}  // namespace backstitch::store::block
