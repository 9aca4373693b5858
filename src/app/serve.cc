#include "app/serve.h"

#include <csignal>
#include <fmt/format.h>
#include <pthread.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include "app/process.h"
#include "app/server.h"
#include "app/verbs.h"
#include "app/version.h"

namespace backstitch::app {
namespace {

constexpr base::Duration kDrainMax = std::chrono::seconds(9);  // the promise is 10 s, process end included

// Signals are taken by sigwait on the main thread; every thread made later inherits the mask.
sigset_t block_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  return set;
}

int wait_for_signal(const sigset_t& set) {
  int signal = 0;
  sigwait(&set, &signal);
  return signal;
}

// On stdout: with port 0 this is how a caller learns the ports.
void print_addresses(const Server& server) {
  const auto line = [](const char* what, const std::string& address, const char* prefix) {
    if (!address.empty()) fmt::print("{:<10} {}{}\n", what, prefix, address);
  };
  line("web", server.query_address(), "http://");
  line("otlp-grpc", server.otlp_grpc_address(), "");
  line("otlp-http", server.otlp_http_address(), "http://");
  std::fflush(stdout);
}

base::Result<std::unique_ptr<Server>> start(const Config& config, const StartServer& start_server) {
  auto server = start_server(config);
  if (!server) return server;
  print_addresses(**server);
  spdlog::info("backstitch {} is ready, data in {}", kVersion, config.data);
  return server;
}

// With the new values where they are sound, else as before. Every key takes effect: the parts are made anew, and
// open traces come back from the log.
base::Result<std::unique_ptr<Server>> restart(std::unique_ptr<Server> server, Config& config,
                                              const StartServer& start_server,
                                              const std::function<ConfigResult()>& reload) {
  const ConfigResult loaded = reload();
  if (!loaded.mistakes.empty()) {
    for (const std::string& mistake : loaded.mistakes) spdlog::error("configuration not reloaded: {}", mistake);
    return server;
  }
  server.reset();
  auto fresh = start(loaded.config, start_server);
  if (fresh) {
    config = loaded.config;
    return fresh;
  }
  spdlog::error("configuration not reloaded: {}", fresh.error().message);
  return start(config, start_server);
}

int drain(Server& server, int signal) {
  spdlog::info("draining");
  if (const auto drained = server.drain(kDrainMax); !drained) spdlog::warn("{}", drained.error().message);
  return signal == SIGINT ? kExitInterrupted : kExitOk;
}

}  // namespace

int run_serve(const Config& given, const StartServer& start_server, const std::function<ConfigResult()>& reload) {
  spdlog::set_default_logger(spdlog::stderr_color_mt("backstitch"));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e %^%l%$ %v");
  tune_allocator();
  raise_open_files_limit();
  const sigset_t signals = block_signals();

  Config config = given;
  auto server = start(config, start_server);
  while (server) {
    const int signal = wait_for_signal(signals);
    if (signal != SIGHUP) return drain(**server, signal);
    server = restart(std::move(*server), config, start_server, reload);
  }
  spdlog::error("{}", server.error().message);
  return kExitUsage;
}

}  // namespace backstitch::app
