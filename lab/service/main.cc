// backstitch-lab-service: one service of the lab. Settings come from the environment (lab/service/settings.h); faults
// with each request (lab/service/faults.h). Exit codes: 0 after SIGTERM or SIGINT, 1 where it cannot listen, 2 for
// wrong settings, 3 after the fault `crash`.
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <pthread.h>
#include <random>
#include <string>
#include <unistd.h>

#include "lab/service/server.h"
#include "lab/service/spelling.h"
#include "lab/service/w3c.h"

namespace backstitch::lab {
namespace {

constexpr std::chrono::seconds kDrainMax{5};  // for requests that are being served when it is told to end
constexpr std::chrono::seconds kFlushMax{5};  // for spans that are not exported yet

void complain(std::string_view sentence) {
  const std::string line = "backstitch-lab-service: " + std::string(sentence) + "\n";
  (void)std::fwrite(line.data(), 1, line.size(), stderr);
}

std::string from_environment(const std::string& name) {
  const char* const value = std::getenv(name.c_str());
  return value == nullptr ? "" : value;
}

// Signals that end the program; blocked in every thread, and waited for.
sigset_t block_signals() {
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

std::shared_ptr<sdk::TracerProvider> make_provider(const Settings& settings, bool is_w3c) {
  sdk::TracerProviderOptions base;
  if (is_w3c) base.propagators = kW3cPropagators;
  base.on_problem = complain;
  auto options = sdk::TracerProviderOptions::from_environment(std::move(base));
  std::erase_if(options.resource, [](const auto& one) { return one.first == "service.name"; });
  options.resource.emplace_back("service.name", settings.service_name);
  return sdk::TracerProvider::create(std::move(options));
}

StartedServer start(const Settings& settings, const sdk::TracerProvider& provider, bool is_w3c) {
  if (is_w3c) return serve_w3c(settings, provider);
  sdk::MiddlewareOptions options = middleware_options(settings);
  options.on_problem = complain;
  auto service =
      std::make_shared<const Service>(settings, sdk::Middleware(provider, std::move(options)), std::random_device()());
  return settings.protocol == sdk::Protocol::Grpc ? serve_grpc(std::move(service)) : serve_http(std::move(service));
}

void say_ready(const Settings& settings, uint16_t port) {
  const std::string line = "listening on " + authority(settings.listen.host, port) + "\n";
  (void)std::fwrite(line.data(), 1, line.size(), stdout);
  (void)std::fflush(stdout);
}

int run(const Settings& settings, bool is_w3c) {
  const sigset_t signals = block_signals();
  const auto provider = make_provider(settings, is_w3c);
  StartedServer server = start(settings, *provider, is_w3c);
  if (!server) {
    complain(server.error());
    return 1;
  }
  say_ready(settings, (*server)->port());
  int signal = 0;
  sigwait(&signals, &signal);
  const bool is_drained = (*server)->stop(kDrainMax);
  (void)provider->shutdown(kFlushMax);
  if (!is_drained) ::_exit(0);  // a request stalls, and may go on stalling
  return 0;
}

int main(const std::vector<std::string_view>& arguments) {
  const bool is_w3c = arguments == std::vector<std::string_view>{"--w3c"};
  if (!arguments.empty() && !is_w3c) {
    complain("usage: [SERVICE_NAME=NAME …] backstitch-lab-service [--w3c]; all else is set by the environment");
    return 2;
  }
  const auto settings = is_w3c ? read_w3c_settings(from_environment) : read_settings(from_environment);
  if (settings) return run(*settings, is_w3c);
  for (const std::string& mistake : settings.error()) complain(mistake);
  return 2;
}

}  // namespace
}  // namespace backstitch::lab

int main(int argc, char** argv) { return backstitch::lab::main({argv + 1, argv + argc}); }
