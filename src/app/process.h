// What the process asks the operating system about itself.
#pragma once

#include <cstdint>
#include <string>

namespace backstitch::app {

// Resident memory, from /proc/self/statm; 0 where that cannot be read.
uint64_t resident_bytes();

// Bytes by which more than `share` (in [0, 1]) of the file system that holds `path` is used; 0 where it is not, or
// where that cannot be read.
uint64_t disk_bytes_beyond(const std::string& path, double share);

// Returns what the allocator holds without need to the system; costs milliseconds.
void give_back_memory();

// Lets the process open as many files as the system allows it: each block of the store is one.
void raise_open_files_limit();

// The calling thread runs when nothing else wants to.
void lower_thread_priority();

// Gives memory that was freed back to the system sooner, and keeps threads from each holding their own reserve.
void tune_allocator();

}  // namespace backstitch::app
