// Uses every propagator once, linked with nothing but wire/context, ids and three files of base; and holds reading and
// writing a traceparent to its promise that they don't allocate.
#include <array>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/counted_allocations_testing.h"
#include "wire/context/composite.h"
#include "wire/context/trace_context.h"
#include "wire/context/trust.h"

using namespace backstitch::wire::context;

namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

const Headers kIncoming{{"traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
                        {"baggage", "user=alice"}};

bool passes_on_what_it_read() {
  const auto propagator = create_propagator("tracecontext,baggage,b3,b3multi,jaeger,raceway");
  const auto hosts = HostAllowList::create(std::vector<std::string>{"*.shop.example"});
  if (!propagator || !hosts) return false;
  const Extraction found = (*propagator)->extract(FieldsGetter(kIncoming));
  const LocalStart start = start_local(found.context, InboundTrust::Accept);
  Headers outgoing;
  FieldsSetter setter(outgoing);
  const Destination destination{.host = "cart.shop.example", .port = 443};
  const auto faults = inject_if_allowed(found.context, **propagator, *hosts, destination, setter);
  return start.parent.trace_id.to_hex() == "4bf92f3577b34da6a3ce929d0e0e4736" && faults && !faults->any() &&
         outgoing.size() > 5;
}

// A carrier that keeps one value and doesn't allocate.
class OneValue final : public TextMapSetter {
 public:
  void set(std::string_view, std::string_view value) override { size_ = value.copy(bytes_.data(), bytes_.size()); }
  std::string_view view() const { return {bytes_.data(), size_}; }

 private:
  std::array<char, 64> bytes_;
  size_t size_ = 0;
};

bool allocates_nothing_for_a_traceparent() {
  const TraceContextPropagator propagator;
  OneValue carrier;
  const size_t before = backstitch::base::allocations;
  const Extraction found = propagator.extract(FieldsGetter(kIncoming));
  const Faults faults = propagator.inject(found.context, carrier);
  return backstitch::base::allocations == before && !faults.any() && carrier.view() == kIncoming[0].second;
}

}  // namespace

int main() {
  const bool passes = passes_on_what_it_read();
  const bool is_free = allocates_nothing_for_a_traceparent();
  if (!passes) std::puts("context_alone: what was read did not go out again");
  if (!is_free) std::puts("context_alone: a traceparent cost an allocation");
  return passes && is_free ? 0 : 1;
}
