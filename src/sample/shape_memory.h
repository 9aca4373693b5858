// Which call shapes were seen lately. Bounded: the one seen longest ago is forgotten first, and counted.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <cstdint>
#include <list>
#include <string>

#include "base/time.h"
#include "sample/bytes.h"

namespace backstitch::sample {

struct ShapeBounds {
  base::Duration forget_after{0};
  uint32_t shapes_max = 0;  // not 0
  bool operator==(const ShapeBounds&) const = default;
};

// One thread at a time. About 60 bytes a shape.
class ShapeMemory {
 public:
  explicit ShapeMemory(ShapeBounds bounds) : bounds_(bounds) {}
  // Its index points into its list.
  ShapeMemory(ShapeMemory&&) = default;
  ShapeMemory& operator=(ShapeMemory&&) = default;

  // Notes the shape as seen now. True where it was not seen for `forget_after`, or never, or was forgotten.
  bool is_new(uint64_t shape, base::Timestamp now);
  uint64_t forgotten() const { return forgotten_; }
  size_t size() const { return seen_.size(); }

  void save(std::string& out) const;
  void restore(Reader& in);

 private:
  struct Seen {
    uint64_t shape = 0;
    base::Timestamp last;
  };

  ShapeBounds bounds_;
  std::list<Seen> seen_;  // longest ago first
  absl::flat_hash_map<uint64_t, std::list<Seen>::iterator> by_shape_;
  uint64_t forgotten_ = 0;
};

}  // namespace backstitch::sample
