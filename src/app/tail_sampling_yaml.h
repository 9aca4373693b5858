// The `tail_sampling:` block of a configuration file: the OpenTelemetry Collector's keys of its processor 0.161, as
// they are, and the policies that are ours beside them.
//
//   tail_sampling:
//     decision_wait: 10s
//     policies:
//       - {name: errors, type: status_code, status_code: {status_codes: [ERROR]}}
//       - {name: rest, type: baseline, baseline: {percent: 1}}
#pragma once

#include <string>
#include <vector>

#include "app/yaml_reader.h"
#include "sample/policy.h"

namespace backstitch::app {

// Whether a key of the file, or of its `processors:`, names such a block: "tail_sampling" or "tail_sampling/NAME".
bool is_tail_sampling_key(std::string_view key);

struct TailSamplingRead {
  sample::PolicySet set;           // valid only without mistakes
  std::vector<YamlNote> mistakes;  // by line
  std::vector<YamlNote> warnings;  // blocks that have no effect
};

// `key` is the block's own, for messages.
TailSamplingRead read_tail_sampling(const YAML::Node& block, const std::string& key);

}  // namespace backstitch::app
