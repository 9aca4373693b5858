// Reads YAML mappings into typed values and notes every mistake with its line: unknown keys with the nearest known one,
// keys given twice, values that are not what their key takes.
//
//   YamlReader reader;
//   reader.mapping(node, "policy 'slow': latency", {{"threshold_ms", reader.milliseconds(rule.threshold)}});
//   for (const YamlNote& mistake : reader.mistakes()) …   // {7, "policy 'slow': latency.threshold_ms: 'x' is no …"}
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace YAML {
class Node;
}

namespace backstitch::app {

struct YamlNote {
  int line = 0;  // from 0 on, as the YAML library counts
  std::string text;

  bool operator==(const YamlNote&) const = default;
};

class YamlReader {
 public:
  // Takes one value; `path` is where it stands, for messages.
  using Read = std::function<void(const YAML::Node& value, const std::string& path)>;
  struct Field {
    std::string_view key;
    Read read;
  };

  // "`path`.key" names each key; a path that ends with a blank is put in front as it is. A key without a value keeps
  // its default.
  void mapping(const YAML::Node& node, const std::string& path, const std::vector<Field>& fields);
  // Each element of a list, with its index.
  void sequence(const YAML::Node& node, const std::string& path,
                const std::function<void(const YAML::Node& item, size_t index)>& read);

  // What Go's YAML takes for a number, so `100_000` too. Targets are borrowed until the field is read.
  Read whole(int64_t& target, int64_t low = std::numeric_limits<int64_t>::min(),
             int64_t high = std::numeric_limits<int64_t>::max());
  Read whole(uint64_t& target, uint64_t high = std::numeric_limits<int64_t>::max());
  Read whole(uint32_t& target, uint32_t low, uint32_t high);
  Read whole(int32_t& target);
  Read real(double& target, double low, double high);
  Read boolean(bool& target);
  Read text(std::string& target);
  Read texts(std::vector<std::string>& target);
  Read duration(base::Duration& target, base::Duration high);
  Read milliseconds(std::chrono::milliseconds& target);  // a number of them
  Read seconds(std::chrono::seconds& target);            // a duration of whole seconds

  // Of a scalar; notes a mistake for anything else.
  std::optional<std::string> scalar(const YAML::Node& value, const std::string& path, std::string_view type);

  void mistake(int line, std::string text) { mistakes_.push_back({line, std::move(text)}); }
  void warning(int line, std::string text) { warnings_.push_back({line, std::move(text)}); }
  void unknown_key(int line, const std::string& path, const std::string& key, std::vector<std::string_view> known);

  const std::vector<YamlNote>& mistakes() const { return mistakes_; }
  const std::vector<YamlNote>& warnings() const { return warnings_; }

 private:
  std::vector<YamlNote> mistakes_;
  std::vector<YamlNote> warnings_;
};

// "policy 'slow': " + "latency" → as it is; "tail_sampling" + "policies" → "tail_sampling.policies".
std::string joined_path(const std::string& path, std::string_view key);

}  // namespace backstitch::app
