#include "app/process.h"

#include <filesystem>
#include <fstream>
#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

namespace backstitch::app {

uint64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  uint64_t total = 0;
  uint64_t resident = 0;
  statm >> total >> resident;
  return statm ? resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE)) : 0;
}

uint64_t disk_bytes_beyond(const std::string& path, double share) {
  std::error_code failed;
  const auto space = std::filesystem::space(path, failed);
  if (failed) return 0;
  // As `df` counts it: of what an unprivileged process can use.
  const auto used = space.capacity - space.free;
  const auto allowed = static_cast<uint64_t>(share * static_cast<double>(used + space.available));
  return used > allowed ? used - allowed : 0;
}

void give_back_memory() { malloc_trim(0); }

void raise_open_files_limit() {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);  // a help: where it fails, what was allowed before goes on
}

void lower_thread_priority() {
  constexpr int kLowest = 19;
  setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kLowest);  // of the thread, on Linux; a help
}

void tune_allocator() {
  mallopt(M_ARENA_MAX, 4);
  mallopt(M_TRIM_THRESHOLD, 16 << 20);
  // Request bodies come from their own mappings and go back whole.
  mallopt(M_MMAP_THRESHOLD, 4 << 20);
}

}  // namespace backstitch::app
