// What SDKs lost, as a table for people.
#pragma once

#include <string>
#include <vector>

#include "app/terminal.h"
#include "model/sdk_loss.h"

namespace backstitch::app {

// One line a process, as they come: spans lost, service, instance ("-" where it has none), how many for each reason,
// since when the server knows of it, when it grew last.
std::string render_loss_table(const std::vector<model::SdkLossRow>& rows, const TerminalStyle& style);

}  // namespace backstitch::app
