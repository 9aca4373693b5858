// Headers and contexts as tests write them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "wire/context/propagator.h"

namespace backstitch::wire::context {

using Headers = std::vector<std::pair<std::string, std::string>>;

inline Extraction extract(const Propagator& propagator, const Headers& headers) {
  return propagator.extract(FieldsGetter(headers));
}

inline Headers inject(const Propagator& propagator, const Context& context) {
  Headers headers;
  FieldsSetter setter(headers);
  (void)propagator.inject(context, setter);
  return headers;
}

inline model::TraceId trace_id(std::string_view hex) { return model::TraceId::from_hex(hex).value(); }
inline model::SpanId span_id(std::string_view hex) { return model::SpanId::from_hex(hex).value(); }

}  // namespace backstitch::wire::context
