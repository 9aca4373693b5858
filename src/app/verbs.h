// The verbs of the command line. Each file *_verb.cc declares its flags under the program and, once the command line
// fits, leaves what is to be done in `run`; main calls that. So no verb knows another, and main knows only this list.
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace backstitch::app {

// What every verb's exit code means.
enum ExitCode : int {
  kExitOk = 0,
  kExitFinding = 1,  // a finding, or a failed assertion or transfer
  kExitUsage = 2,    // the command line or the configuration
  kExitCannotConnect = 3,
  kExitNotFound = 4,
  kExitInterrupted = 130,
};

// Returns the exit code.
using Run = std::function<int()>;

void add_serve_verb(CLI::App& program, Run& run);
void add_route_verb(CLI::App& program, Run& run);
void add_gen_verb(CLI::App& program, Run& run);
void add_trace_verb(CLI::App& program, Run& run);
void add_search_verb(CLI::App& program, Run& run);
void add_errors_verb(CLI::App& program, Run& run);
void add_losses_verb(CLI::App& program, Run& run);
void add_why_verb(CLI::App& program, Run& run);
void add_keep_verb(CLI::App& program, Run& run);
void add_lab_verb(CLI::App& program, Run& run);
void add_store_verb(CLI::App& program, Run& run);
void add_import_verb(CLI::App& program, Run& run);
void add_export_verb(CLI::App& program, Run& run);
void add_config_verb(CLI::App& program, Run& run);
void add_policy_verb(CLI::App& program, Run& run);
void add_version_verb(CLI::App& program, Run& run);

constexpr void (*kVerbs[])(CLI::App& program, Run& run) = {
    add_serve_verb,  add_route_verb,  add_gen_verb,    add_search_verb, add_trace_verb, add_errors_verb,
    add_losses_verb, add_why_verb,    add_keep_verb,   add_lab_verb,    add_store_verb, add_import_verb,
    add_export_verb, add_config_verb, add_policy_verb, add_version_verb};

}  // namespace backstitch::app
