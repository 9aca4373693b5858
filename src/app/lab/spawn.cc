#include "app/lab/spawn.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <fstream>
#include <poll.h>
#include <spawn.h>
#include <sstream>
#include <string_view>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace backstitch::app::lab {
namespace {

using base::Errc;
using base::Result;
using std::chrono::milliseconds;

constexpr size_t kLineBytesMax = 256;

class Handle {
 public:
  explicit Handle(int number) : number_(number) {}
  ~Handle() { close(); }
  Handle(Handle&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  int number() const { return number_; }
  void close() {
    if (number_ >= 0) ::close(number_);
    number_ = -1;
  }

 private:
  int number_;
};

base::Error system_error(std::string_view what, int code) {
  return {code == ENOENT ? Errc::NotFound : Errc::Io, fmt::format("{}: {}", what, std::strerror(code))};
}

// 0 where there is no such process, or it has ended and is only to be asked how.
uint64_t started_of(int pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::string stat;
  std::getline(file, stat);
  const size_t name_end = stat.rfind(')');  // the name may hold anything
  if (name_end == std::string::npos) return 0;
  std::istringstream fields(stat.substr(name_end + 1));
  std::string state, skipped;
  fields >> state;
  for (int field = 4; field < 22; ++field) fields >> skipped;
  uint64_t started = 0;
  fields >> started;
  return state == "Z" || state == "X" ? 0 : started;
}

// Ours with the given variables in front; those of the same name are left out.
std::vector<std::string> environment_with(const std::vector<std::pair<std::string, std::string>>& variables) {
  std::vector<std::string> all;
  for (const auto& [name, value] : variables) all.push_back(fmt::format("{}={}", name, value));
  for (char** inherited = environ; *inherited != nullptr; ++inherited) {
    const std::string_view text = *inherited;
    const std::string_view name = text.substr(0, text.find('='));
    const bool is_given = std::ranges::any_of(variables, [&](const auto& variable) { return variable.first == name; });
    if (!is_given) all.emplace_back(text);
  }
  return all;
}

class SpawnActions {
 public:
  SpawnActions() {
    posix_spawn_file_actions_init(&files_);
    posix_spawnattr_init(&attributes_);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSID);
  }
  ~SpawnActions() {
    posix_spawn_file_actions_destroy(&files_);
    posix_spawnattr_destroy(&attributes_);
  }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;
  void put(int from, int at) { posix_spawn_file_actions_adddup2(&files_, from, at); }
  Result<int> start(const std::string& program, std::vector<std::string> environment) {
    std::vector<char*> variables;
    for (std::string& variable : environment) variables.push_back(variable.data());
    variables.push_back(nullptr);
    std::string name = program;
    char* arguments[] = {name.data(), nullptr};
    int pid = 0;
    const int failed = posix_spawn(&pid, program.c_str(), &files_, &attributes_, arguments, variables.data());
    if (failed != 0) return std::unexpected(system_error(program, failed));
    return pid;
  }

 private:
  posix_spawn_file_actions_t files_;
  posix_spawnattr_t attributes_;
};

int milliseconds_until(base::Duration deadline, const base::Clock& clock) {
  const auto left = std::chrono::ceil<milliseconds>(deadline - clock.monotonic());
  return static_cast<int>(std::max<int64_t>(left.count(), 0));
}

// Up to the first newline, or what came before the end or the deadline.
std::string read_line(int handle, base::Duration deadline, const base::Clock& clock) {
  std::string line;
  while (line.size() < kLineBytesMax) {
    pollfd waiting{.fd = handle, .events = POLLIN, .revents = 0};
    const int ready = poll(&waiting, 1, milliseconds_until(deadline, clock));
    if (ready < 0 && errno == EINTR) continue;
    char byte = 0;
    if (ready <= 0 || read(handle, &byte, 1) != 1) break;
    line += byte;
    if (byte == '\n') break;
  }
  return line;
}

// Of the process with that id, or nothing where it is gone. It stays that process's, whatever becomes of the number.
Handle open_process(const ProcessId& id) {
  Handle handle(static_cast<int>(syscall(SYS_pidfd_open, id.pid, 0)));
  if (handle.number() >= 0 && started_of(id.pid) != id.started) handle.close();
  return handle;
}

void send(const Handle& process, int signal) { syscall(SYS_pidfd_send_signal, process.number(), signal, nullptr, 0); }

bool has_ended(const Handle& process, base::Duration deadline, const base::Clock& clock) {
  pollfd waiting{.fd = process.number(), .events = POLLIN, .revents = 0};
  int ready = 0;
  do {
    ready = poll(&waiting, 1, milliseconds_until(deadline, clock));
  } while (ready < 0 && errno == EINTR);
  return ready > 0;
}

}  // namespace

Result<Spawned> spawn(const SpawnOptions& options) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return std::unexpected(system_error("a pipe", errno));
  const Handle from(ends[0]);
  Handle to(ends[1]);
  const Handle log(open(options.log_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644));
  if (log.number() < 0) return std::unexpected(system_error(options.log_path, errno));
  const Handle nothing(open("/dev/null", O_RDONLY | O_CLOEXEC));
  SpawnActions actions;
  actions.put(nothing.number(), 0);
  actions.put(to.number(), 1);
  actions.put(log.number(), 2);
  const auto pid = actions.start(options.program, environment_with(options.environment));
  if (!pid) return std::unexpected(pid.error());
  to.close();

  Spawned spawned{.id = {*pid, started_of(*pid)}, .line = {}};
  if (options.on_started) options.on_started(spawned.id);
  const base::SystemClock clock;
  const base::Duration deadline = clock.monotonic() + options.start_time;
  spawned.line = read_line(from.number(), deadline, clock);
  if (spawned.line.ends_with('\n')) {
    spawned.line.pop_back();
    return spawned;
  }
  const bool is_late = clock.monotonic() >= deadline;
  end_processes({spawned.id}, base::Duration(0));
  int status = 0;
  waitpid(*pid, &status, 0);
  if (is_late) return base::fail(Errc::Timeout, "it does not serve yet");
  const std::string how =
      WIFEXITED(status) ? fmt::format("with {}", WEXITSTATUS(status)) : fmt::format("by signal {}", WTERMSIG(status));
  return base::fail(Errc::Io, fmt::format("it ended {}", how));
}

bool is_running(const ProcessId& id) { return id.started != 0 && started_of(id.pid) == id.started; }

void end_processes(const std::vector<ProcessId>& ids, base::Duration grace) {
  std::vector<Handle> processes;
  for (const ProcessId& id : ids) processes.push_back(open_process(id));
  std::erase_if(processes, [](const Handle& process) { return process.number() < 0; });
  for (const Handle& process : processes) send(process, SIGTERM);
  const base::SystemClock clock;
  const base::Duration deadline = clock.monotonic() + grace;
  for (const Handle& process : processes) {
    if (has_ended(process, deadline, clock)) continue;
    send(process, SIGKILL);
    has_ended(process, clock.monotonic() + std::chrono::seconds(10), clock);
  }
}

}  // namespace backstitch::app::lab
