#include "app/config_print.h"

#include <fmt/format.h>

#include "app/config_keys.h"
#include "app/tail_sampling_print.h"
#include "base/json_writer.h"

namespace backstitch::app {
namespace {

constexpr std::string_view kPreface = R"(# Configuration

`backstitch serve` needs none. What is to differ is written in one YAML file (`--config FILE`), in the environment, or
as `--set key=value`; flags go before the environment, the environment before the file, the file before the defaults.
An unknown key or a value out of bounds stops the start with the line and, where there is one, the nearest known key.
This page is what `backstitch config print --markdown` prints; the README puts `backstitch` in `PATH`.

```sh
backstitch config check backstitch.yaml   # all mistakes at once; exit code 2 if there are any
backstitch config print --config backstitch.yaml --set memory=4GiB   # what is in force, and from where
```

A dot in a key is a level in YAML and an underscore in the environment: `durability.sync` is

```yaml
durability:
  sync: always
```

and `BACKSTITCH_DURABILITY_SYNC=always`. Lists are separated by commas outside YAML. Sizes take B, kB, MB, GB, TB
(thousands) and KiB, MiB, GiB, TiB; durations ns, us, ms, s, m, h, also joined (`1h30m`).

What to keep of the traffic is a block of its own, `tail_sampling`, in the file alone:
[the guide to sampling](guides/sampling.md) has its keys.

| Key | Value | Default | Meaning |
|---|---|---|---|
)";

// YAML takes these words as they are; anything else is quoted.
std::string yaml_scalar(const std::string& text) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./%:-";
  const bool is_plain = !text.empty() && text.find_first_not_of(kPlain) == std::string::npos && text.back() != ':' &&
                        text.front() != '-' && text.front() != '%' && text.front() != '.';
  if (is_plain || text.starts_with("./")) return text;
  std::string quoted;
  base::append_json_string(text, quoted);
  return quoted;
}

std::string yaml_value(const ConfigKey& key, const RawValue& value) {
  if (!key.is_list || (value.size() == 1 && value[0] == "off")) return yaml_scalar(value[0]);
  std::string list;
  for (const std::string& item : value) list += (list.empty() ? "" : ", ") + yaml_scalar(item);
  return "[" + list + "]";
}

// Words of `text` in lines of at most `width`, each behind `prefix`.
std::string wrap(std::string_view text, const std::string& prefix, size_t width) {
  std::string out;
  std::string line = prefix;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    if (line.size() + 1 + word.size() > width && line != prefix) {
      out += line + "\n";
      line = prefix;
    }
    line += " " + std::string(word);
  }
  return out + line + "\n";
}

}  // namespace

std::string config_yaml(const ConfigResult& loaded) {
  constexpr size_t kLineWidth = 100;
  constexpr size_t kOriginColumn = 46;
  std::string out = "# Behind each value: where it comes from.\n";
  std::string_view group;
  for (size_t i = 0; i < config_keys().size(); ++i) {
    const ConfigKey& key = config_keys()[i];
    const size_t dot = key.path.find('.');
    const std::string_view parent = dot == std::string_view::npos ? "" : key.path.substr(0, dot);
    if (parent != group || parent.empty()) out += "\n";
    if (parent != group && !parent.empty()) out += std::string(parent) + ":\n";
    group = parent;
    const std::string indent = parent.empty() ? "" : "  ";
    out += wrap(key.help, indent + "#", kLineWidth);
    const std::string_view name = parent.empty() ? key.path : key.path.substr(dot + 1);
    const std::string line = fmt::format("{}{}: {}", indent, name, yaml_value(key, key.get(loaded.config)));
    out += fmt::format("{:<{}}  # {}\n", line, kOriginColumn, loaded.origins[i]);
  }
  if (loaded.config.tail_sampling) {
    out += fmt::format("\n# {}\n{}", loaded.tail_sampling_origin, tail_sampling_to_yaml(*loaded.config.tail_sampling));
  }
  return out;
}

std::string config_json(const ConfigResult& loaded) {
  std::string out = "{";
  for (size_t i = 0; i < config_keys().size(); ++i) {
    const ConfigKey& key = config_keys()[i];
    if (i != 0) out += ",";
    base::append_json_string(key.path, out);
    out += ":{\"value\":";
    const RawValue value = key.get(loaded.config);
    if (key.is_list) out += "[";
    for (size_t k = 0; k < value.size(); ++k) {
      if (k != 0) out += ",";
      base::append_json_string(value[k], out);
    }
    if (key.is_list) out += "]";
    out += ",\"from\":";
    base::append_json_string(loaded.origins[i], out);
    out += "}";
  }
  if (loaded.config.tail_sampling) {
    out +=
        fmt::format(",\"tail_sampling\":{{\"value\":{},\"from\":", tail_sampling_to_json(*loaded.config.tail_sampling));
    base::append_json_string(loaded.tail_sampling_origin, out);
    out += "}";
  }
  return out + "}\n";
}

std::string config_markdown() {
  std::string out(kPreface);
  const Config defaults;
  for (const ConfigKey& key : config_keys()) {
    const RawValue value = key.get(defaults);
    const std::string text = key.is_list && value.empty() ? "[]" : yaml_value(key, value);
    out += fmt::format("| `{}` | {} | `{}` | {} |\n", key.path, key.type, text, key.help);
  }
  return out;
}

}  // namespace backstitch::app
