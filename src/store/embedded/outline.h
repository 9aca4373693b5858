// What the store notes of a fragment beside its bytes: when it starts, its summary row, and the names in it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/feature_plan.h"
#include "store/contract/trace_store.h"
#include "store/embedded/embedded_format.h"

namespace backstitch::store::embedded {

// Views point into the fragment's bytes.
struct SeenAttribute {
  model::AttributeLevel level = model::AttributeLevel::Span;
  std::string_view key;
  std::string_view any_value;  // raw
};
struct SeenOperation {
  std::string service;
  std::string_view name;
  model::SpanKind kind = model::SpanKind::Unspecified;
};

struct Outline {
  model::Timestamp start;
  SummaryRow summary;
  std::vector<SeenAttribute> attributes;  // all of them, in order
  std::vector<SeenOperation> operations;  // sorted by service, name, kind; each once
};

// Malformed, naming the trace, where `sealed` holds no TracesData or no span of its trace.
base::Result<Outline> outline_of(const SealedTrace& sealed);

}  // namespace backstitch::store::embedded
