// Configuration for people and programs: what is in force and where each value comes from, and the reference page.
#pragma once

#include <string>

#include "app/config_load.h"

namespace backstitch::app {

// YAML that load_config takes back, each key under its help and with its origin behind it.
std::string config_yaml(const ConfigResult& loaded);
// {"memory":{"value":"2GiB","from":"default"},…}; lists are arrays.
std::string config_json(const ConfigResult& loaded);
// docs/configuration.md.
std::string config_markdown();

}  // namespace backstitch::app
