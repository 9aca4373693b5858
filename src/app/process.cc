#include "app/process.h"

#include <filesystem>
#include <fstream>
#include <malloc.h>
#include <unistd.h>

namespace backstitch::app {

uint64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  uint64_t total = 0;
  uint64_t resident = 0;
  statm >> total >> resident;
  return statm ? resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE)) : 0;
}

double disk_used_share(const std::string& path) {
  std::error_code failed;
  const auto space = std::filesystem::space(path, failed);
  if (failed || space.capacity == 0) return 0;
  // As `df` counts it: of what an unprivileged process can use.
  const auto used = space.capacity - space.free;
  return static_cast<double>(used) / static_cast<double>(used + space.available);
}

void give_back_memory() { malloc_trim(0); }

void tune_allocator() {
  mallopt(M_ARENA_MAX, 4);
  mallopt(M_TRIM_THRESHOLD, 16 << 20);
  // Request bodies come from their own mappings and go back whole.
  mallopt(M_MMAP_THRESHOLD, 4 << 20);
}

}  // namespace backstitch::app
