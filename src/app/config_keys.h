// Every configuration key, described once: the same table drives the YAML file, the environment, --set,
// `config print` and docs/configuration.md. A key is in the table only if this version acts on it.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/config.h"
#include "base/result.h"

namespace backstitch::app {

// What stands for a value before it has a type: one text, or several where the key takes a list.
using RawValue = std::vector<std::string>;

struct ConfigKey {
  std::string_view path;  // "durability.sync"
  std::string_view type;  // "never, interval or always": what a value looks like, for people
  std::string_view help;  // sentences
  bool is_list = false;
  // InvalidArgument says what is wrong with the value, not with which key. `value` holds one text unless is_list.
  base::Result<> (*set)(Config& config, const RawValue& value);
  // As set takes it.
  RawValue (*get)(const Config& config);
};

// In the order in which they are printed.
std::span<const ConfigKey> config_keys();

const ConfigKey* find_config_key(std::string_view path);

// "durability.sync" → "BACKSTITCH_DURABILITY_SYNC".
std::string environment_name(std::string_view path);

// The known name that `name` was most likely meant to be, or "". Compares whole paths, and last parts too, so that a
// key under the wrong parent is found.
std::string_view nearest_key(std::string_view name);

}  // namespace backstitch::app
