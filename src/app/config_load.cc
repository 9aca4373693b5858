#include "app/config_load.h"

#include <algorithm>
#include <cstdlib>
#include <fmt/format.h>
#include <map>
#include <unistd.h>
#include <yaml-cpp/yaml.h>

#include "app/config_keys.h"
#include "app/file.h"
#include "app/tail_sampling_yaml.h"
#include "base/nearest_name.h"

namespace backstitch::app {

using base::Errc;
using base::Result;

namespace {

// Names under BACKSTITCH_ that are not configuration keys.
constexpr std::string_view kOtherVariables[] = {"BACKSTITCH_SERVER", "BACKSTITCH_CONFIG"};

class Loader {
 public:
  ConfigResult load(const ConfigSources& sources) {
    result_.origins.assign(config_keys().size(), "default");
    file_name_ = sources.file_name;
    read_file(sources);
    read_environment(sources);
    for (const auto& [path, text] : sources.flags) read_flag(path, text);
    if (result_.mistakes.empty()) check_together();
    return std::move(result_);
  }

 private:
  void read_file(const ConfigSources& sources);
  void read_mapping(const YAML::Node& mapping, const std::string& prefix);
  void read_entry(const YAML::Node& name, const YAML::Node& value, const std::string& prefix);
  void read_key(const ConfigKey& key, const YAML::Node& value, int line);
  void read_processors(const YAML::Node& value, int line);
  void read_tail_sampling_block(const YAML::Node& value, const std::string& path, int line);
  void read_environment(const ConfigSources& sources);
  void read_flag(const std::string& path, const std::string& text);
  void check_together();

  void set(const ConfigKey& key, const RawValue& value, const std::string& origin, const std::string& where);
  void mistake(const std::string& where, const std::string& what) { result_.mistakes.push_back(where + ": " + what); }

  ConfigResult result_;
  // `line` counts from 0, as the YAML reader does.
  std::string line_text(int line) const {
    return file_name_.empty() ? fmt::format("line {}", line + 1) : fmt::format("{} line {}", file_name_, line + 1);
  }

  std::string file_name_;
  std::map<std::string, int> lines_;  // where the file gave a key, to find repeats
  std::string tail_sampling_path_;    // the first block of that name, "" while there was none
};

std::string unknown_key(std::string_view path) {
  const std::string_view nearest = nearest_key(path);
  return nearest.empty() ? fmt::format("unknown key '{}'", path)
                         : fmt::format("unknown key '{}'; did you mean '{}'?", path, nearest);
}

bool is_group(std::string_view path) {
  return std::any_of(config_keys().begin(), config_keys().end(), [&](const ConfigKey& key) {
    return key.path.size() > path.size() && key.path.starts_with(path) && key.path[path.size()] == '.';
  });
}

// "a, b" → {"a", "b"}; nothing → {}.
RawValue split_list(const std::string& text) {
  RawValue items;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::string_view item = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(item.size() + 1, rest.size()));
    const size_t first = item.find_first_not_of(" \t");
    if (first == std::string_view::npos) continue;
    items.emplace_back(item.substr(first, item.find_last_not_of(" \t") - first + 1));
  }
  return items;
}

void Loader::read_file(const ConfigSources& sources) {
  try {
    const YAML::Node root = YAML::Load(sources.file_text);
    if (root.IsNull()) return;
    if (!root.IsMap()) return mistake(line_text(root.Mark().line), "expected 'key: value' lines");
    read_mapping(root, "");
  } catch (const YAML::Exception& error) {
    mistake(line_text(error.mark.line), "this is not YAML: " + error.msg);
  }
}

// Groups nest no deeper than the table of keys, so this recursion has its bound.
void Loader::read_mapping(const YAML::Node& mapping, const std::string& prefix) {
  for (const auto& entry : mapping) read_entry(entry.first, entry.second, prefix);
}

void Loader::read_entry(const YAML::Node& name, const YAML::Node& value, const std::string& prefix) {
  const int line = name.Mark().line;
  if (!name.IsScalar()) return mistake(line_text(line), "a key must be a word");
  const std::string path = prefix + name.Scalar();
  const auto [earlier, is_new] = lines_.emplace(path, line);
  if (!is_new) {
    return mistake(line_text(line), fmt::format("'{}' was given before, in {}", path, line_text(earlier->second)));
  }
  if (const ConfigKey* key = find_config_key(path)) return read_key(*key, value, line);
  if (prefix.empty() && is_tail_sampling_key(path)) return read_tail_sampling_block(value, path, line);
  if (path == "processors") return read_processors(value, line);
  if (!is_group(path)) return mistake(line_text(line), unknown_key(path));
  if (value.IsNull()) return;
  if (!value.IsMap()) return mistake(line_text(line), fmt::format("'{}' holds further keys, not a value", path));
  read_mapping(value, path + ".");
}

void Loader::read_key(const ConfigKey& key, const YAML::Node& value, int line) {
  RawValue raw;
  if (value.IsScalar()) {
    raw.push_back(value.Scalar());
  } else if (value.IsSequence() && key.is_list) {
    for (const auto& item : value) {
      if (!item.IsScalar()) {
        return mistake(line_text(item.Mark().line), fmt::format("'{}' takes a {}", key.path, key.type));
      }
      raw.push_back(item.Scalar());
    }
  } else {
    return mistake(line_text(line), fmt::format("'{}' needs a value: {}", key.path, key.type));
  }
  set(key, raw, line_text(line), line_text(line));
}

// A Collector's own block may be pasted in whole: its other processors are left out, and that is said.
void Loader::read_processors(const YAML::Node& value, int line) {
  if (value.IsNull()) return;
  if (!value.IsMap()) return mistake(line_text(line), "'processors' holds further keys, not a value");
  for (const auto& entry : value) {
    const int at = entry.first.Mark().line;
    if (!entry.first.IsScalar()) {
      mistake(line_text(at), "a key must be a word");
      continue;
    }
    const std::string path = "processors." + entry.first.Scalar();
    if (is_tail_sampling_key(entry.first.Scalar())) {
      read_tail_sampling_block(entry.second, path, at);
      continue;
    }
    const std::string_view known[] = {"tail_sampling"};
    if (base::nearest_name(entry.first.Scalar(), known).empty()) {
      result_.warnings.push_back(fmt::format("{}: '{}' has no effect here", line_text(at), path));
    } else {
      mistake(line_text(at), fmt::format("unknown key '{}'; did you mean 'processors.tail_sampling'?", path));
    }
  }
}

void Loader::read_tail_sampling_block(const YAML::Node& value, const std::string& path, int line) {
  if (!tail_sampling_path_.empty()) {
    return mistake(line_text(line), fmt::format("'{}' is here and '{}' in {}; one of them must go", path,
                                                tail_sampling_path_, line_text(lines_.at(tail_sampling_path_))));
  }
  tail_sampling_path_ = path;
  lines_[path] = line;
  if (!value.IsMap()) return mistake(line_text(line), fmt::format("'{}' holds further keys, not a value", path));
  TailSamplingRead read = read_tail_sampling(value, path);
  for (const YamlNote& note : read.mistakes) mistake(line_text(note.line), note.text);
  for (const YamlNote& note : read.warnings) result_.warnings.push_back(line_text(note.line) + ": " + note.text);
  result_.config.tail_sampling = std::move(read.set);
  result_.tail_sampling_origin = line_text(line);
}

void Loader::read_environment(const ConfigSources& sources) {
  std::map<std::string, const ConfigKey*> keys;
  for (const ConfigKey& key : config_keys()) keys.emplace(environment_name(key.path), &key);
  for (const auto& [name, text] : sources.environment) {
    if (!name.starts_with("BACKSTITCH_") || std::ranges::count(kOtherVariables, name) != 0) continue;
    if (const auto found = keys.find(name); found != keys.end()) {
      const ConfigKey& key = *found->second;
      set(key, key.is_list ? split_list(text) : RawValue{text}, name, name);
      continue;
    }
    std::string path = name.substr(std::string_view("BACKSTITCH_").size());
    std::ranges::transform(path, path.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const std::string_view nearest = nearest_key(path);
    if (find_config_key(nearest) == nullptr) continue;
    result_.warnings.push_back(
        fmt::format("{} is no setting of backstitch; did you mean {}?", name, environment_name(nearest)));
  }
}

void Loader::read_flag(const std::string& path, const std::string& text) {
  const ConfigKey* key = find_config_key(path);
  if (key == nullptr) return mistake("--set", unknown_key(path));
  set(*key, key->is_list ? split_list(text) : RawValue{text}, "flag", "flag for " + path);
}

void Loader::set(const ConfigKey& key, const RawValue& value, const std::string& origin, const std::string& where) {
  const Result<> done = key.set(result_.config, value);
  if (!done) return mistake(where, fmt::format("{}: {}", key.path, done.error().message));
  result_.origins[static_cast<size_t>(&key - config_keys().data())] = origin;
}

// Keys that are fine alone and wrong together.
void Loader::check_together() {
  const Config& config = result_.config;
  const auto where = [&](std::string_view path) {
    return result_.origins[static_cast<size_t>(find_config_key(path) - config_keys().data())];
  };
  if (config.trace_max_age < config.decision_wait) {
    mistake(where("trace_max_age"), "trace_max_age must not be shorter than decision_wait");
  }
  if (config.tail_sampling && config.trace_max_age < config.tail_sampling->decision_wait) {
    mistake(result_.tail_sampling_origin, "trace_max_age must not be shorter than tail_sampling.decision_wait");
  }
  for (const std::string_view key : {"decision_wait", "decision_wait_after_root_received"}) {
    if (!config.tail_sampling || where(key) == "default") continue;
    result_.warnings.push_back(
        fmt::format("{}: {} has no effect beside tail_sampling, which has its own", where(key), key));
  }
  if (config.decision_wait_after_root_received > config.decision_wait) {
    mistake(where("decision_wait_after_root_received"),
            "decision_wait_after_root_received must not be longer than decision_wait");
  }
  if (config.log.segment_bytes > config.log.max_bytes / 2) {
    mistake(where("log.segment_bytes"), "log.segment_bytes must be at most half of log.max_bytes");
  }
  if (config.limits.span_bytes_max > config.limits.request_bytes_max) {
    mistake(where("limits.span_bytes_max"), "limits.span_bytes_max must not exceed limits.request_bytes_max");
  }
  if (config.limits.request_bytes_max > config.memory_bytes / 4) {
    mistake(where("limits.request_bytes_max"), "limits.request_bytes_max must be at most a quarter of memory");
  }
  if (int{!config.peers.members.empty()} + int{!config.peers.file.empty()} + int{config.peers.dns.has_value()} > 1) {
    mistake(where(config.peers.dns ? "peers.dns" : "peers.file"),
            "peers.members, peers.file and peers.dns are three ways to say the same; give one");
  }
  if (config.sample_only && !config.exports.endpoint) {
    mistake(where("sample_only"),
            "sample_only needs export.endpoint (--export HOST:PORT) beside it: kept traces have no other place");
  }
  if (config.exports.request_bytes_max > config.exports.max_bytes / 4) {
    mistake(where("export.request_bytes_max"),
            "export.request_bytes_max must be at most a quarter of export.max_bytes");
  }
  if (config.exports.connections * config.exports.request_bytes_max > config.memory_bytes / 16) {
    mistake(where("export.request_bytes_max"),
            "export.connections times export.request_bytes_max must be at most a sixteenth of memory");
  }
  for (const std::string_view key : {"retention.age", "retention.disk"}) {
    if (!config.sample_only || where(key) == "default") continue;
    result_.warnings.push_back(
        fmt::format("{}: {} has no effect beside sample_only: nothing is stored", where(key), key));
  }
  if (config.exports.endpoint && !config.sample_only) {
    mistake(where("export.endpoint"),
            "export.endpoint needs sample_only (--sample-only) beside it: a node stores kept traces or exports them");
  }
  if (!config.peers.self.empty() && !config.peers.is_given()) {
    mistake(where("peers.self"), "peers.self needs peers.members, peers.file or peers.dns beside it");
  }
  if (!config.peers.self.empty() && !config.peers.members.empty()) {
    const auto members = route::Members::create(config.peers.members);
    if (members && !members->find(config.peers.self)) {
      mistake(where("peers.self"), fmt::format("peers.self: {} is none of peers.members", config.peers.self));
    }
  }
  if (!config.listen.otlp_grpc && !config.listen.otlp_http && !config.listen.query) {
    mistake(where("listen.query"), "all listeners are off");
  }
}

}  // namespace

ConfigResult load_config(const ConfigSources& sources) { return Loader().load(sources); }

std::vector<std::pair<std::string, std::string>> backstitch_environment() {
  std::vector<std::pair<std::string, std::string>> found;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const size_t equals = text.find('=');
    if (!text.starts_with("BACKSTITCH_") || equals == std::string_view::npos) continue;
    found.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  std::ranges::sort(found);
  return found;
}

Result<std::string> read_config_file(const std::string& path) { return read_file(path, 1 << 20); }

}  // namespace backstitch::app
