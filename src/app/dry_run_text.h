// What a dry run of policies found, for people and for programs.
#pragma once

#include <string>
#include <vector>

#include "app/terminal.h"
#include "sample/dry_run.h"

namespace backstitch::app {

// What the two sides and the traffic are called, and what a reader must know before believing the figures.
struct DryRunSetting {
  std::string traffic;  // "spans.otlp"
  std::string now;      // "without policies"
  std::string then;     // "new.yaml"
  std::vector<std::string> warnings;
};

std::string render_dry_run(const sample::DryRun& run, const DryRunSetting& setting, const TerminalStyle& style);
// docs/guides/sampling.md names its fields.
std::string dry_run_json(const sample::DryRun& run, const DryRunSetting& setting);

// "12.3 MiB".
std::string byte_text(double bytes);

}  // namespace backstitch::app
