// From what was written to a Config: flags before the environment before the file before the defaults.
//
//   ConfigResult loaded = load_config({.file_text = "memory: 1GiB", .flags = {{"memory", "2GiB"}}});
//   if (!loaded.mistakes.empty()) …
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "app/config.h"

namespace backstitch::app {

struct ConfigSources {
  std::string file_name;  // for messages; "" leaves it out
  std::string file_text;  // YAML; empty where there is no file
  // Name and value; only names that begin with BACKSTITCH_ matter.
  std::vector<std::pair<std::string, std::string>> environment;
  // Key and value, from --set and the flags that stand for keys; a later one wins. Lists are joined by commas.
  std::vector<std::pair<std::string, std::string>> flags;
};

struct ConfigResult {
  Config config;  // valid only without mistakes
  // Per key of config_keys(): "default", "backstitch.yaml line 3", "BACKSTITCH_MEMORY" or "flag".
  std::vector<std::string> origins;
  // Where the file has tail_sampling: "backstitch.yaml line 7", or "default" where it has none.
  std::string tail_sampling_origin = "default";
  // Sentences, all of them, in the order in which a reader meets them: "line 3: unknown key 'decison_wait'; did you
  // mean 'decision_wait'?".
  std::vector<std::string> mistakes;
  // What looks like a mistake but may be meant for somebody else: BACKSTITCH_ names that are close to ours.
  // (Kubernetes puts BACKSTITCH_PORT and the like into every pod beside a service called backstitch.)
  std::vector<std::string> warnings;
};

ConfigResult load_config(const ConfigSources& sources);

// The process's own variables.
std::vector<std::pair<std::string, std::string>> backstitch_environment();

// The whole file. NotFound, Io, TooLarge (1 MiB).
base::Result<std::string> read_config_file(const std::string& path);

}  // namespace backstitch::app
