// The blocks of a `tail_sampling:` policy's types that hold no policies themselves: `latency: {threshold_ms: 500}`.
#pragma once

#include <string>

#include "app/yaml_reader.h"
#include "sample/policy.h"

namespace backstitch::app {

// The block below a policy that has the key of its type.
struct PolicyBlock {
  YamlReader& reader;
  const YAML::Node& node;  // an empty mapping where there is none
  std::string path;        // "policy 'slow': latency"
  int policy_line = 0;

  int line() const;
  void read(const std::vector<YamlReader::Field>& fields) const { reader.mapping(node, path, fields); }
  void refuse(const std::string& what) const { reader.mistake(line(), path + ": " + what); }
};

// The line of element `index` of the list `key` in the block, as far as it can be told.
int line_of(const PolicyBlock& block, const char* key, size_t index);

// Each reads its type's block and notes what is wrong with it.
sample::Rule read_latency(const PolicyBlock& block);
sample::Rule read_numeric(const PolicyBlock& block);
sample::Rule read_string(const PolicyBlock& block);
sample::Rule read_boolean(const PolicyBlock& block);
sample::Rule read_probabilistic(const PolicyBlock& block);
sample::Rule read_status_code(const PolicyBlock& block);
sample::Rule read_rate(const PolicyBlock& block);
sample::Rule read_bytes(const PolicyBlock& block);
sample::Rule read_span_count(const PolicyBlock& block);
sample::Rule read_trace_state(const PolicyBlock& block);
sample::Rule read_ottl(const PolicyBlock& block);
sample::Rule read_adaptive(const PolicyBlock& block);
sample::Rule read_traceql(const PolicyBlock& block);
sample::Rule read_baseline(const PolicyBlock& block);
sample::Rule read_novel(const PolicyBlock& block);

}  // namespace backstitch::app
