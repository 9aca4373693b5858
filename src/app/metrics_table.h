// Series of a metrics query as lines for people.
#pragma once

#include <string>

#include "api/native/client.h"
#include "app/terminal.h"

namespace backstitch::app {

// A line a series: its labels, its course over time, its least, greatest and last value. Lines fit the width.
std::string render_metrics(const api::MetricsReply& reply, const TerminalStyle& style);

}  // namespace backstitch::app
