// The processes of a lab: started callees first, each told where the ones before it serve, and ended by their id, from
// any later process. A directory tells of them: `services`, a line each (name, process id, when it started, protocol,
// address, separated by tabs; the address is "-" until it serves, and the line comes again), and NAME.log.
//
//   LabOptions options{.directory = "backstitch-lab", .program = "…/backstitch-lab-service"};
//   auto services = lab_up(topology, options);      // all of them serve
//   auto ended = lab_down(options.directory);
#pragma once

#include <string>
#include <vector>

#include "app/lab/topology.h"
#include "base/result.h"

namespace backstitch::app::lab {

struct LabOptions {
  std::string directory;
  std::string program;                                   // lab/service
  std::string otlp_endpoint = "http://127.0.0.1:4318";   // where services send their spans
  base::Duration start_time = std::chrono::seconds(20);  // in which each service must serve
};

struct LabService {
  std::string name;
  int pid = 0;
  uint64_t started = 0;  // clock ticks since boot: an id that is given again has another one
  Protocol protocol = Protocol::Http;
  std::string address;  // "127.0.0.1:41234"
  bool is_running = false;
};

// Starts all services, in the order of the topology. On failure those that were started have ended, and the message
// has the end of the log of the one that failed. AlreadyExists where a lab is up in the directory; NotFound of the
// program; Io.
base::Result<std::vector<LabService>> lab_up(const Topology& topology, const LabOptions& options);

// What the directory tells of. NotFound where no lab was started there.
base::Result<std::vector<LabService>> lab_services(const std::string& directory);

// Asks the services that still run to end, callers first, and ends those that have not after `grace`. Returns those
// that ran. The logs stay. NotFound as above.
base::Result<std::vector<LabService>> lab_down(const std::string& directory,
                                               base::Duration grace = std::chrono::seconds(10));

}  // namespace backstitch::app::lab
