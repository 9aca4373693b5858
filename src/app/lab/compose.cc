#include "app/lab/compose.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <set>

#include "app/lab/environment.h"

namespace backstitch::app::lab {
namespace {

constexpr uint16_t kPort = 8080;

constexpr std::string_view kHead = R"(# Made by `backstitch lab compose`.
x-image: &image
  build: {{context: "{context}", dockerfile: "{dockerfile}"}}
x-service: &service
  <<: *image
  command: ["backstitch-lab-service"]

services:
  {server}:
    <<: *image
    command: ["backstitch", "serve", "--data", "/data", "--otlp-grpc", "0.0.0.0:4317", "--otlp-http", "0.0.0.0:4318",
      "--query", "0.0.0.0:16686"]
    ports: ["127.0.0.1:16686:16686"]
)";

constexpr std::string_view kDockerfile =
    R"(# Made by `backstitch lab compose`: the server and the lab's service, from source.
FROM debian:bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates make
WORKDIR /src
COPY . .
RUN make lab
RUN mkdir -p /out/lib && cp build/release/backstitch build/release/backstitch-lab-service /out/ \
 && ldd /out/backstitch /out/backstitch-lab-service | awk '$2 == "=>" && $3 ~ "^/" {print $3}' | sort -u \
  | grep -Ev '/(libc|libm|ld-linux[^/]*)[.]so' | xargs cp -t /out/lib

FROM debian:bookworm-slim
COPY --from=build /out /opt/backstitch
ENV PATH=/opt/backstitch:$PATH LD_LIBRARY_PATH=/opt/backstitch/lib
RUN useradd --system backstitch && install -d -o backstitch /data
USER backstitch
)";

// Names, numbers and addresses need no escape in a quoted YAML string.
std::string service_text(const Topology& topology, size_t place, const Addresses& addresses, bool is_root) {
  const Service& service = topology.services[place];
  std::string out = fmt::format("  \"{}\":\n    <<: *service\n    environment:\n", service.name);
  for (const auto& [name, value] : environment_of(topology, place, addresses)) {
    if (!value.empty()) out += fmt::format("      {}: \"{}\"\n", name, value);
  }
  std::set<std::string> needed(service.upstreams.begin(), service.upstreams.end());
  needed.emplace(kServerName);
  out += fmt::format("    depends_on: [\"{}\"]\n", fmt::join(needed, "\", \""));
  if (is_root && service.port != 0) out += fmt::format("    ports: [\"127.0.0.1:{}:{}\"]\n", service.port, kPort);
  if (is_root && service.port == 0) out += fmt::format("    ports: [\"127.0.0.1::{}\"]\n", kPort);
  return out;
}

}  // namespace

std::string to_compose(const Topology& topology, const std::string& build_context, const std::string& dockerfile) {
  Addresses addresses{.hosts = {},
                      .bind_host = "0.0.0.0",
                      .ports = std::vector<uint16_t>(topology.services.size(), kPort),
                      .otlp_endpoint = fmt::format("http://{}:4318", kServerName)};
  for (const Service& service : topology.services) addresses.hosts.push_back(fmt::format("{}:{}", service.name, kPort));
  std::string out = fmt::format(kHead, fmt::arg("context", build_context), fmt::arg("dockerfile", dockerfile),
                                fmt::arg("server", kServerName));
  const std::vector<size_t> roots = topology.roots();
  for (size_t i = 0; i < topology.services.size(); ++i) {
    out += service_text(topology, i, addresses, std::ranges::count(roots, i) != 0);
  }
  return out;
}

std::string to_dockerignore() { return ".git\nbuild\nui/dist\n**/node_modules\n"; }

std::string to_dockerfile() { return std::string(kDockerfile); }

}  // namespace backstitch::app::lab
