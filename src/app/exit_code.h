// How an error ends the program.
#pragma once

#include "app/verbs.h"
#include "base/result.h"

namespace backstitch::app {

// Prints "backstitch: …" on standard error and returns the exit code that fits.
int report_error(const base::Error& error);

}  // namespace backstitch::app
