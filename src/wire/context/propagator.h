// A propagator knows one way of writing a context into a carrier, and reads it back.
#pragma once

#include <string_view>
#include <vector>

#include "wire/context/context.h"
#include "wire/context/faults.h"
#include "wire/context/text_map.h"

namespace backstitch::wire::context {

struct Extraction {
  Context context;
  Faults faults;
};

// Immutable: const calls are thread-safe. Never throws but for memory, whatever the carrier holds.
class Propagator {
 public:
  virtual ~Propagator() = default;

  // What the carrier says in this format; an empty context where it says nothing, or nothing that can be read.
  virtual Extraction extract(const TextMapGetter& carrier) const = 0;
  // Writes what this format can say of `context`, and nothing where it can say nothing.
  [[nodiscard]] virtual Faults inject(const Context& context, TextMapSetter& carrier) const = 0;
  // The names of the fields that are read or written, in lower case: for clearing a carrier that is used again, or
  // that copies an incoming request. A name that ends in '-' is a prefix.
  virtual std::vector<std::string_view> fields() const = 0;
};

}  // namespace backstitch::wire::context
