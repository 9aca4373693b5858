// Ctrl-C for verbs that run long: sets a flag, so that they end in order and print what they have.
#pragma once

#include <atomic>

namespace backstitch::app {

// From here on SIGINT and SIGTERM set the flag; a second one ends the process at once. One per process.
const std::atomic<bool>& catch_interrupts();

}  // namespace backstitch::app
