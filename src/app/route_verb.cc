#include <CLI/CLI.hpp>

#include "app/config_flags.h"
#include "app/config_keys.h"
#include "app/route_server.h"
#include "app/serve.h"
#include "app/verbs.h"

namespace backstitch::app {
namespace {

constexpr DirectFlag kRouteFlags[] = {
    {"--member", "HOST:PORT", "peers.members", "OTLP gRPC of a node; repeated for each. The same list everywhere",
     true},
    {"--members-file", "FILE", "peers.file", "Such an address a line; read again when it changes"},
    {"--members-dns", "NAME:PORT", "peers.dns", "All addresses of the name; asked again every few seconds"},
    {"--data", "DIR", "data", "Where spans wait that no node takes (./backstitch-route)"},
    {"--otlp-grpc", "ADDR", "listen.otlp_grpc", "OTLP gRPC: host:port, or off; port 0 picks one (127.0.0.1:4317)"},
    {"--otlp-http", "ADDR", "listen.otlp_http", "OTLP HTTP, likewise (127.0.0.1:4318)"},
    {"--query", "ADDR", "listen.query", "/healthz, /readyz and /metrics, likewise (127.0.0.1:16686)"},
    {"--memory", "SIZE", "memory", "A quarter of it bounds the requests on each listener (2GiB)"},
};

// A node and a router may start in the same directory.
ConfigResult load_route_config(const ConfigFlags& flags) {
  ConfigResult loaded = load_config(flags);
  const auto data = static_cast<size_t>(find_config_key("data") - config_keys().data());
  if (loaded.origins[data] == "default") loaded.config.data = "./backstitch-route";
  return loaded;
}

}  // namespace

void add_route_verb(CLI::App& program, Run& run) {
  CLI::App* verb = program.add_subcommand("route", "Spreads OTLP over several serve nodes, each trace to one of them");
  const auto flags = add_config_flags(*verb, kRouteFlags);
  verb->footer(
      "Of the configuration it takes listen, data, memory, durability, log.max_bytes (of its queue), limits,\n"
      "otlp_http and peers. Examples:\n"
      "  backstitch route --member 10.0.0.1:4317 --member 10.0.0.2:4317\n"
      "  backstitch route --members-dns backstitch-nodes.example:4317 --otlp-grpc 0.0.0.0:4317");
  verb->callback([&run, flags] {
    run = [flags]() -> int {
      const ConfigResult loaded = load_route_config(*flags);
      if (!report_mistakes(loaded)) return kExitUsage;
      return run_serve(loaded.config, start_route_server, [flags] { return load_route_config(*flags); });
    };
  });
}

}  // namespace backstitch::app
