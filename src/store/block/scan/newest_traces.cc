#include "store/block/scan/newest_traces.h"

#include <iterator>
#include <utility>

namespace backstitch::store::block {

void NewestTraces::offer(Hit hit) {
  const Place place = hit.place();
  const auto known = hits_.find(hit.head.id);
  if (known != hits_.end()) {
    if (!hit.replaces(known->second)) return;
    places_.erase(known->second.place());
    known->second = std::move(hit);
    places_.insert(place);
    return;
  }
  if (is_full() && (limit_ == 0 || *places_.rbegin() < place)) return;
  hits_.emplace(place.id, std::move(hit));
  places_.insert(place);
  if (places_.size() <= limit_) return;
  hits_.erase(places_.rbegin()->id);
  places_.erase(std::prev(places_.end()));
}

std::vector<FoundTrace> NewestTraces::take() {
  std::vector<FoundTrace> newest;
  newest.reserve(places_.size());
  for (const Place& place : places_) newest.push_back(std::move(hits_.at(place.id).found));
  places_.clear();
  hits_.clear();
  return newest;
}

}  // namespace backstitch::store::block
