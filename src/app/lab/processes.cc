#include "app/lab/processes.h"

#include <algorithm>
#include <deque>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <optional>
#include <sstream>
#include <utility>

#include "app/lab/environment.h"
#include "app/lab/spawn.h"

namespace backstitch::app::lab {
namespace {

using base::Errc;
using base::fail;
using base::Result;

constexpr std::string_view kReady = "listening on ";
constexpr size_t kLogLinesShown = 5;

std::string state_path(const std::string& directory) { return directory + "/services"; }

std::string to_line(const LabService& service) {
  return fmt::format("{}\t{}\t{}\t{}\t{}\n", service.name, service.pid, service.started,
                     protocol_name(service.protocol), service.address);
}

std::optional<LabService> read_line(const std::string& line) {
  std::istringstream fields(line);
  LabService service;
  std::string protocol;
  if (!(fields >> service.name >> service.pid >> service.started >> protocol >> service.address)) return std::nullopt;
  service.protocol = protocol == protocol_name(Protocol::Grpc) ? Protocol::Grpc : Protocol::Http;
  service.is_running = is_running({service.pid, service.started});
  return service;
}

std::string last_lines(const std::string& path) {
  std::ifstream file(path);
  std::deque<std::string> lines;
  for (std::string line; std::getline(file, line);) {
    lines.push_back(line);
    if (lines.size() > kLogLinesShown) lines.pop_front();
  }
  std::string text;
  for (const std::string& line : lines) text += "\n  " + line;
  return text;
}

// One start of a lab.
class Start {
 public:
  Start(const Topology& topology, const LabOptions& options)
      : topology_(topology), options_(options), started_(topology.services.size()) {
    addresses_.hosts.resize(topology.services.size());
    addresses_.bind_host = "127.0.0.1";
    addresses_.otlp_endpoint = options.otlp_endpoint;
    for (const Service& service : topology.services) addresses_.ports.push_back(service.port);
  }

  Result<std::vector<LabService>> run() {
    state_.open(state_path(options_.directory), std::ios::trunc);
    if (!state_) return fail(Errc::Io, fmt::format("{} cannot be written", state_path(options_.directory)));
    for (const size_t place : topology_.callees_first()) {
      if (auto begun = start(place); !begun) {
        end_all();
        return std::unexpected(begun.error());
      }
    }
    return std::move(started_);
  }

 private:
  Result<> start(size_t place) {
    const Service& service = topology_.services[place];
    const std::string log_path = fmt::format("{}/{}.log", options_.directory, service.name);
    LabService& one = started_[place];
    const auto note = [&](const ProcessId& id) {  // whoever interrupts us must find it
      one = {.name = service.name, .pid = id.pid, .started = id.started, .protocol = service.protocol, .address = "-"};
      state_ << to_line(one) << std::flush;
    };
    const auto spawned = spawn({.program = options_.program,
                                .environment = environment_of(topology_, place, addresses_),
                                .log_path = log_path,
                                .start_time = options_.start_time,
                                .on_started = note});
    if (!spawned) {
      return fail(spawned.error().code,
                  fmt::format("service '{}': {}{}", service.name, spawned.error().message, last_lines(log_path)));
    }
    if (!spawned->line.starts_with(kReady)) {
      return fail(Errc::Malformed,
                  fmt::format("{} says '{}' where '{}ADDRESS' was expected", options_.program, spawned->line, kReady));
    }
    one.address = spawned->line.substr(kReady.size());
    one.is_running = true;
    addresses_.hosts[place] = one.address;
    state_ << to_line(one) << std::flush;
    if (!state_) return fail(Errc::Io, fmt::format("{} cannot be written", state_path(options_.directory)));
    return {};
  }

  void end_all() {
    std::vector<ProcessId> ids;
    for (const LabService& service : started_) {
      if (service.pid != 0) ids.push_back({service.pid, service.started});
    }
    end_processes(ids, base::Duration(0));
  }

  const Topology& topology_;
  const LabOptions& options_;
  Addresses addresses_;
  std::ofstream state_;
  std::vector<LabService> started_;  // by place in the topology
};

}  // namespace

Result<std::vector<LabService>> lab_services(const std::string& directory) {
  std::ifstream state(state_path(directory));
  if (!state) return fail(Errc::NotFound, fmt::format("no lab was started in {}", directory));
  std::vector<LabService> services;
  for (std::string line; std::getline(state, line);) {
    auto service = read_line(line);
    if (!service) continue;
    if (!services.empty() && services.back().name == service->name) services.pop_back();  // it serves by now
    services.push_back(std::move(*service));
  }
  return services;
}

Result<std::vector<LabService>> lab_up(const Topology& topology, const LabOptions& options) {
  std::error_code failed;
  std::filesystem::create_directories(options.directory, failed);
  if (failed) return fail(Errc::Io, fmt::format("{}: {}", options.directory, failed.message()));
  const auto before = lab_services(options.directory);
  if (before && std::ranges::any_of(*before, &LabService::is_running)) {
    return fail(Errc::AlreadyExists,
                fmt::format("a lab is up in {}; `backstitch lab down` ends it", options.directory));
  }
  return Start(topology, options).run();
}

// Written callees first, so ended in reverse.
Result<std::vector<LabService>> lab_down(const std::string& directory, base::Duration grace) {
  auto services = lab_services(directory);
  if (!services) return services;
  std::erase_if(*services, [](const LabService& service) { return !service.is_running; });
  std::ranges::reverse(*services);
  std::vector<ProcessId> ids;
  for (const LabService& service : *services) ids.push_back({service.pid, service.started});
  end_processes(ids, grace);
  std::error_code ignored;
  std::filesystem::remove(state_path(directory), ignored);
  return services;
}

}  // namespace backstitch::app::lab
