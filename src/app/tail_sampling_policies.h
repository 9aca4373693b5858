// One policy of a `tail_sampling:` block, with those inside it.
#pragma once

#include <string>

#include "app/yaml_reader.h"
#include "sample/policy.h"

namespace backstitch::app {

// Where a policy stands decides which types it may have.
enum class PolicyPlace : uint8_t { Top, InAnd, InDrop, InNot, InComposite };

// `number` counts from 1 on; it names a policy that has no name.
sample::Policy read_policy(YamlReader& reader, const YAML::Node& node, PolicyPlace place, size_t number);

}  // namespace backstitch::app
