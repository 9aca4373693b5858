#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <unistd.h>

#include "app/exit_code.h"
#include "app/file.h"
#include "app/lab/compose.h"
#include "app/lab/processes.h"
#include "app/lab/topology.h"
#include "app/terminal.h"
#include "app/verbs.h"

namespace backstitch::app {
namespace {

using base::Result;

constexpr uint64_t kTopologyBytesMax = 1 << 20;
constexpr const char* kDirectory = "./backstitch-lab";
constexpr const char* kOtlpEndpoint = "http://127.0.0.1:4318";

Result<lab::Topology> load_topology(const std::string& path) {
  const auto yaml = read_file(path, kTopologyBytesMax);
  if (!yaml) return std::unexpected(yaml.error());
  auto topology = lab::parse_topology(*yaml);
  if (topology) return topology;
  return base::fail(topology.error().code, fmt::format("{}:\n{}", path, topology.error().message));
}

// Beside this program, where nothing else is said.
std::string service_program() {
  std::error_code failed;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", failed);
  return (self.parent_path() / "backstitch-lab-service").string();
}

// Names, protocols and addresses need no escape.
void print_json(const std::vector<lab::LabService>& services) {
  std::string rows;
  for (const lab::LabService& service : services) {
    rows += fmt::format(R"({}{{"service":"{}","protocol":"{}","address":"{}","pid":{},"running":{}}})",
                        rows.empty() ? "" : ",", service.name, lab::protocol_name(service.protocol), service.address,
                        service.pid, service.is_running);
  }
  fmt::print("{{\"services\":[{}]}}\n", rows);
}

void print_table(const std::vector<lab::LabService>& services) {
  size_t width = 7;  // of "service"
  for (const lab::LabService& service : services) width = std::max(width, service.name.size());
  const bool has_color = detect_terminal(ColorChoice::Auto).color;
  const std::string head =
      fmt::format("{:<{}}  protocol  {:<21}  {:>8}  state", "service", width, "address", "process");
  fmt::print("{}\n", has_color ? fmt::format("\x1b[2m{}\x1b[0m", head) : head);
  for (const lab::LabService& service : services) {
    const std::string_view state = service.is_running ? "serves" : "ended";
    fmt::print("{:<{}}  {:<8}  {:<21}  {:>8}  {}\n", service.name, width, lab::protocol_name(service.protocol),
               service.address, service.pid,
               has_color && !service.is_running ? fmt::format("\x1b[1;31m{}\x1b[0m", state) : state);
  }
}

int up(const std::string& file, const lab::LabOptions& options, bool json) {
  const auto topology = load_topology(file);
  if (!topology) return report_error(topology.error());
  const auto services = lab::lab_up(*topology, options);
  if (!services) return report_error(services.error());
  if (json) {
    print_json(*services);
    return kExitOk;
  }
  print_table(*services);
  for (const size_t root : topology->roots()) {
    const lab::LabService& service = (*services)[root];
    if (service.protocol == lab::Protocol::Http) fmt::print("\n  curl -i http://{}/\n", service.address);
  }
  return kExitOk;
}

int down(const std::string& directory) {
  const auto ended = lab::lab_down(directory);
  if (!ended) return report_error(ended.error());
  fmt::print("{} services ended; their logs are in {}\n", ended->size(), directory);
  return kExitOk;
}

// A finding where one has ended by itself.
int status(const std::string& directory, bool json) {
  const auto services = lab::lab_services(directory);
  if (!services) return report_error(services.error());
  json ? print_json(*services) : print_table(*services);
  return std::ranges::all_of(*services, &lab::LabService::is_running) ? kExitOk : kExitFinding;
}

Result<> write_file(const std::string& path, const std::string& content) {
  const auto file = OutputFile::create(path);
  return file ? (*file)->write(content) : Result<>(std::unexpected(file.error()));
}

int compose(const std::string& topology_file, const std::string& directory, const std::string& context) {
  const auto topology = load_topology(topology_file);
  if (!topology) return report_error(topology.error());
  const std::filesystem::path out = directory;
  std::error_code failed;
  std::filesystem::create_directories(out, failed);  // what fails shows below
  const std::string dockerfile = std::filesystem::absolute(out / "Dockerfile").lexically_normal().string();
  const std::string sources = std::filesystem::absolute(context).lexically_normal().string();
  for (const auto& [name, content] :
       {std::pair("docker-compose.yml", lab::to_compose(*topology, sources, dockerfile)),
        std::pair("Dockerfile", lab::to_dockerfile()), std::pair("Dockerfile.dockerignore", lab::to_dockerignore())}) {
    const std::string path = (out / name).string();
    if (auto written = write_file(path, content); !written) return report_error(written.error());
    fmt::print("{}\n", path);
  }
  return kExitOk;
}

// The service in our place, until it is interrupted.
int w3c(const std::string& program, uint16_t port, const std::string& otlp_endpoint) {
  setenv("PORT", std::to_string(port).c_str(), 1);
  setenv("OTEL_EXPORTER_OTLP_ENDPOINT", otlp_endpoint.c_str(), 0);
  execl(program.c_str(), program.c_str(), "--w3c", nullptr);
  return report_error({base::Errc::NotFound, fmt::format("{}: {}", program, std::strerror(errno))});
}

struct Flags {
  lab::LabOptions options{.directory = kDirectory, .program = service_program(), .otlp_endpoint = kOtlpEndpoint};
  std::string topology;
  std::string out = ".";
  std::string context = ".";
  uint16_t port = 5000;
  bool json = false;
};

void add_directory(CLI::App& verb, Flags& flags) {
  verb.add_option("--dir", flags.options.directory, "Where the lab's processes and logs are told of")
      ->type_name("DIR")
      ->capture_default_str();
}

void add_program(CLI::App& verb, Flags& flags) {
  verb.add_option("--service", flags.options.program, "The service's program (default: beside this one)")
      ->type_name("FILE");
  verb.add_option("--otlp", flags.options.otlp_endpoint, "Where services send their spans, OTLP over HTTP")
      ->type_name("URL")
      ->capture_default_str();
}

}  // namespace

void add_lab_verb(CLI::App& program, Run& run) {
  CLI::App* verb = program.add_subcommand("lab", "Runs services in any call tree, with faults that you switch");
  verb->require_subcommand(1);
  auto flags = std::make_shared<Flags>();
  const auto add = [&](const char* name, const char* says, auto act) {
    CLI::App* sub = verb->add_subcommand(name, says);
    sub->callback([&run, flags, act] { run = [=] { return act(*flags); }; });
    return sub;
  };

  CLI::App* up_verb = add("up", "Starts the services of a topology; returns when all serve",
                          [](const Flags& with) { return up(with.topology, with.options, with.json); });
  up_verb->add_option("FILE", flags->topology, "The topology, YAML")->required();
  add_directory(*up_verb, *flags);
  add_program(*up_verb, *flags);
  up_verb->footer("Examples:\n  backstitch lab up lab/seven.yaml\n  backstitch lab down");

  up_verb->add_flag("--json", flags->json, "The services as JSON");

  add_directory(*add("down", "Ends them", [](const Flags& with) { return down(with.options.directory); }), *flags);
  CLI::App* status_verb = add("status", "Which of them run, and where they serve; 1 where one has ended",
                              [](const Flags& with) { return status(with.options.directory, with.json); });
  add_directory(*status_verb, *flags);
  status_verb->add_flag("--json", flags->json, "The services as JSON");

  CLI::App* compose_verb = add("compose", "Writes a docker-compose.yml and a Dockerfile of the same topology",
                               [](const Flags& with) { return compose(with.topology, with.out, with.context); });
  compose_verb->add_option("FILE", flags->topology, "The topology, YAML")->required();
  compose_verb->add_option("--out", flags->out, "Where to")->type_name("DIR")->capture_default_str();
  compose_verb->add_option("--context", flags->context, "The project's folder, that the image is built from")
      ->type_name("DIR")
      ->capture_default_str();

  CLI::App* w3c_verb = add("w3c", "Serves what the test suite of W3C Trace Context drives", [](const Flags& with) {
    return w3c(with.options.program, with.port, with.options.otlp_endpoint);
  });
  w3c_verb->add_option("--port", flags->port, "Where to serve")->type_name("P")->capture_default_str();
  add_program(*w3c_verb, *flags);
}

}  // namespace backstitch::app
