// The system that generated traces come from: a web shop of some thirty services in nine languages, the operations
// that they offer, and who calls whom. Built once; the traces of every seed run through the same shop.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "app/gen/span_template.h"
#include "model/trace.h"

namespace backstitch::app::gen {

enum class Protocol : uint8_t { Http, Grpc, Database, Messaging, Internal };

enum class CallMode : uint8_t {
  Sequential,  // one after the other
  Concurrent,  // with its neighbours that are concurrent too
  Detached,    // a message: the receiver starts later, and nobody waits for it
};

struct Call {
  uint16_t operation = 0;
  float probability = 1;
  uint8_t count_min = 1;
  uint8_t count_max = 1;  // the larger the rarer
  CallMode mode = CallMode::Sequential;
};

// One kind of span.
struct Operation {
  uint16_t service = 0;
  uint16_t scope = 0;  // index into the service's scopes
  model::SpanKind kind = model::SpanKind::Internal;
  Protocol protocol = Protocol::Internal;
  std::string name;
  AttributeTemplate attributes{"", '\x4a'};
  float self_us = 500;  // median of the time that is its own
  std::vector<Call> calls;
};

struct Language {
  std::string name;  // telemetry.sdk.language
  std::string sdk_version;
  std::string runtime_version;
  std::string exception_type;
  std::string exception_message;
  std::string stack_trace;
  std::string scope_prefix;  // of instrumentation libraries
};

struct Service {
  std::string name;
  size_t language = 0;
  std::vector<std::string> resources;  // encoded Resource message per instance
  std::vector<std::string> scopes;     // encoded InstrumentationScope messages
  std::vector<std::string> scope_names;
};

// What comes in from outside.
struct Entry {
  uint16_t operation = 0;
  uint16_t weight = 1;
};

struct Shop {
  std::vector<Language> languages;
  std::vector<Service> services;
  std::vector<Operation> operations;
  std::vector<Entry> entries;

  static std::shared_ptr<const Shop> make();
};

}  // namespace backstitch::app::gen
