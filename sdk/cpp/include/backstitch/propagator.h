// Carries contexts from process to process: OpenTelemetry's propagators over any carrier of named texts.
//
//   Context caller = provider->propagator().extract(fields(request.headers));
//   Scope scope(tracer.start_span("GET /cart", options));       // options.parent = &caller
//   …
//   std::map<std::string, std::string> headers;
//   provider->propagator().inject(Context::current(), setter(headers));
//
// A context tells others about our inside: inject it only for hosts that may know it.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backstitch/context.h"

namespace backstitch::sdk {

struct Field {
  std::string_view name;
  std::string_view value;
};

// What is read from. What comes back is borrowed from the carrier. `visit` is called for every field.
class TextMapReader {
 public:
  virtual ~TextMapReader() = default;
  class Visitor {
   public:
    virtual ~Visitor() = default;
    virtual void field(std::string_view name, std::string_view value) = 0;
  };
  virtual void visit(Visitor& visitor) const = 0;
};

// What is written to. Replaces every field of that name, whatever its case; `name` is in lower case.
class TextMapWriter {
 public:
  virtual ~TextMapWriter() = default;
  virtual void set(std::string_view name, std::string_view value) = 0;
};

// Any range of pairs of texts: a map, a multimap of gRPC's string_ref, a vector of pairs. Borrows it.
template <typename Fields>
class FieldsReader final : public TextMapReader {
 public:
  explicit FieldsReader(const Fields& fields) : fields_(fields) {}
  void visit(Visitor& visitor) const override {
    for (const auto& one : fields_) {
      visitor.field({one.first.data(), one.first.size()}, {one.second.data(), one.second.size()});
    }
  }

 private:
  const Fields& fields_;
};
template <typename Fields>
FieldsReader<Fields> fields(const Fields& fields) {
  return FieldsReader<Fields>(fields);
}

// A map from std::string to std::string with lower-case names. Borrows it.
template <typename Map>
class MapWriter final : public TextMapWriter {
 public:
  explicit MapWriter(Map& map) : map_(map) {}
  void set(std::string_view name, std::string_view value) override { map_[std::string(name)] = std::string(value); }

 private:
  Map& map_;
};
template <typename Map>
MapWriter<Map> setter(Map& map) {
  return MapWriter<Map>(map);
}

// What is taken from a caller. Anyone can send headers: for callers outside, Restart or Ignore.
enum class InboundTrust : uint8_t {
  Ignore,   // as if nothing had been sent
  Restart,  // a new trace, whose root links to the span that called
  Accept,   // the span that called is the parent; baggage goes along
};

class PropagatorState;

// Immutable, safe from every thread, cheap to copy.
class Propagator {
 public:
  // Reads and writes nothing.
  Propagator() noexcept = default;
  // Names as in OTEL_PROPAGATORS: tracecontext (tracecontext-1 for level 1), baggage, b3, b3multi, jaeger, raceway;
  // none. Of those that name a span, the first in order wins. `problem` says what was wrong; then nothing is read or
  // written.
  static Propagator create(std::string_view names, std::string* problem = nullptr) noexcept;

  // Empty where the carrier says nothing that can be read.
  Context extract(const TextMapReader& carrier, InboundTrust trust = InboundTrust::Accept) const noexcept;
  void inject(const Context& context, TextMapWriter& carrier) const noexcept;
  void inject(const Context& context, TextMapWriter&& carrier) const noexcept { inject(context, carrier); }

 private:
  explicit Propagator(std::shared_ptr<const PropagatorState> state) noexcept : state_(std::move(state)) {}

  std::shared_ptr<const PropagatorState> state_;
};

}  // namespace backstitch::sdk
