// Ends spans faster than they can be exported, and prints as JSON what became of them.
#include <backstitch/sdk.h>
#include <chrono>
#include <iostream>

namespace sdk = backstitch::sdk;

int main() {
  constexpr int kSpans = 50'000;
  const auto provider = sdk::TracerProvider::create(sdk::TracerProviderOptions::from_environment());
  const sdk::Tracer tracer = provider->get_tracer("overflow");
  for (int i = 0; i < kSpans; ++i) tracer.start_span("work").end();
  provider->shutdown(std::chrono::seconds(30));

  const sdk::Stats stats = provider->stats();
  std::cout << "{\"exported\":" << stats.exported;
  for (size_t i = 0; i < sdk::kDropReasonCount; ++i) {
    std::cout << ",\"" << sdk::to_string(static_cast<sdk::DropReason>(i)) << "\":" << stats.dropped[i];
  }
  std::cout << "}\n";
}
