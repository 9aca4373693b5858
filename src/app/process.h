// What the process asks the operating system about itself.
#pragma once

#include <cstdint>
#include <string>

namespace backstitch::app {

// Resident memory, from /proc/self/statm; 0 where that cannot be read.
uint64_t resident_bytes();

// Used share, in [0, 1], of the file system that holds `path`; 0 where that cannot be read.
double disk_used_share(const std::string& path);

// Returns what the allocator holds without need to the system; costs milliseconds.
void give_back_memory();

// Gives memory that was freed back to the system sooner, and keeps threads from each holding their own reserve.
void tune_allocator();

}  // namespace backstitch::app
