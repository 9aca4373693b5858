// A process that serves and outlives the one that starts it; and how any process finds and ends it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace backstitch::app::lab {

// No other process has both, before or after.
struct ProcessId {
  int pid = 0;
  uint64_t started = 0;  // clock ticks since boot
};

struct SpawnOptions {
  std::string program;
  std::vector<std::pair<std::string, std::string>> environment;  // beside our own, before which it counts
  std::string log_path;                                          // takes its standard error
  base::Duration start_time{0};                                  // in which it must have written its line
  std::function<void(const ProcessId&)> on_started;              // before it has
};

struct Spawned {
  ProcessId id;
  std::string line;  // the first on its standard output, without the newline
};

// Starts the program in a session of its own, and waits for its first line. Without one it is ended. NotFound of the
// program; Timeout; Io, also where it ended before.
base::Result<Spawned> spawn(const SpawnOptions& options);

bool is_running(const ProcessId& id);

// Asks all to end, and ends those that have not after `grace`; returns when they are gone.
void end_processes(const std::vector<ProcessId>& ids, base::Duration grace);

}  // namespace backstitch::app::lab
