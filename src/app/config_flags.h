// The flags that say what the configuration is, shared by `serve` and `config print`.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "app/config_load.h"

namespace CLI {
class App;
}

namespace backstitch::app {

struct ConfigFlags {
  std::string file;                                         // --config or BACKSTITCH_CONFIG
  std::vector<std::string> settings;                        // --set key=value
  std::vector<std::pair<std::string, std::string>> direct;  // --memory SIZE and the like, as key and value
};

// A flag that stands for a key.
struct DirectFlag {
  const char* flag;
  const char* value_name;  // null: it takes none, and stands for "true"
  const char* key;
  const char* help;
  bool is_list = false;  // may be repeated; a value holds one or more, separated by commas
};

std::shared_ptr<ConfigFlags> add_config_flags(CLI::App& verb, std::span<const DirectFlag> direct);
// Those of `serve` and `config print`.
std::shared_ptr<ConfigFlags> add_config_flags(CLI::App& verb);

// Reads the sources that `flags` name, now; mistakes name the file. Called again to reload.
ConfigResult load_config(const ConfigFlags& flags);

// Each mistake and warning on its own line on standard error; false if there are mistakes.
bool report_mistakes(const ConfigResult& loaded);

}  // namespace backstitch::app
