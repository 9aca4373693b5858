// A shop's checkout, in one process: a request comes in, a card is charged by another thread, and that fails. Prints
// the trace's id. Where spans go, OTEL_EXPORTER_OTLP_ENDPOINT says; http://localhost:4318 by default.
#include <backstitch/sdk.h>
#include <chrono>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>

namespace sdk = backstitch::sdk;

namespace {

void charge(const sdk::Tracer& tracer, double amount) {
  sdk::StartSpanOptions options;
  options.kind = sdk::SpanKind::Client;
  const sdk::Attribute attributes[] = {{"peer.service", "bank"}, {"amount", amount}};
  options.attributes = attributes;
  sdk::Span span = tracer.start_span("charge card", options);
  try {
    throw std::runtime_error("card declined");
  } catch (const std::exception& error) {
    span.record_exception(error);
    span.set_status(sdk::StatusCode::Error, error.what());
  }
}  // the span ends here

std::string checkout(const sdk::TracerProvider& provider, const std::map<std::string, std::string>& headers) {
  const sdk::Tracer tracer = provider.get_tracer("shop.checkout", "1.4.2");
  const sdk::Context caller = provider.propagator().extract(sdk::fields(headers));
  sdk::StartSpanOptions options;
  options.kind = sdk::SpanKind::Server;
  options.parent = &caller;
  sdk::Span span = tracer.start_span("POST /checkout", options);
  const sdk::Scope scope(span);
  span.set_attribute("http.route", "/checkout");
  std::thread(sdk::bind([&tracer] { charge(tracer, 12.5); })).join();
  span.add_event("order kept", {{"retry", true}});

  sdk::StartSpanOptions later;
  const sdk::Link links[] = {sdk::follows_from(span.context())};
  later.links = links;
  tracer.start_span("send mail", later).end();
  return span.context().trace_id.to_hex();
}

}  // namespace

int main() {
  sdk::TracerProviderOptions options;
  options.on_problem = [](std::string_view problem) { std::cerr << "tracing: " << problem << '\n'; };
  const auto provider = sdk::TracerProvider::create(sdk::TracerProviderOptions::from_environment(options));

  std::cout << checkout(*provider, {{"baggage", "user=alice"}}) << '\n';

  const bool is_complete = provider->shutdown(std::chrono::seconds(10));
  const sdk::Stats stats = provider->stats();
  std::cerr << stats.exported << " spans exported\n";
  return is_complete && stats.exported == 3 ? 0 : 1;
}
