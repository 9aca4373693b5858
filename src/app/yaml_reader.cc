#include "app/yaml_reader.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <map>
#include <optional>
#include <yaml-cpp/yaml.h>

#include "base/duration.h"
#include "base/nearest_name.h"

namespace backstitch::app {

namespace {

std::string without_underscores(std::string text) {
  std::erase(text, '_');
  return text;
}

template <typename T>
std::optional<T> number_in(const std::string& text) {
  std::string digits = without_underscores(text);
  if (digits.starts_with('+')) digits.erase(0, 1);
  T value{};
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

// Inside `low` and `high`, or what is wrong with it.
template <typename T>
std::string read_number(const std::string& text, T& target, T low, T high, std::string_view what) {
  const std::optional<T> value = number_in<T>(text);
  if (!value || (std::is_floating_point_v<T> && *value != *value)) return fmt::format("'{}' is no {}", text, what);
  if (*value < low || *value > high) return fmt::format("{} is outside {} … {}", *value, low, high);
  target = *value;
  return "";
}

// "policy 'slow': latency.threshold_ms" → "policy 'slow': " and "latency.threshold_ms".
struct Place {
  std::string whose;
  std::string key;
};
Place place_of(const std::string& path) {
  const size_t colon = path.rfind(": ");
  const size_t begin = colon == std::string::npos ? 0 : colon + 2;
  return {path.substr(0, begin), path.substr(begin)};
}

constexpr std::string_view kWholeNumber = "whole number";

}  // namespace

std::string joined_path(const std::string& path, std::string_view key) {
  const bool is_prefix = path.empty() || path.ends_with(' ');
  return fmt::format("{}{}{}", path, is_prefix ? "" : ".", key);
}

void YamlReader::unknown_key(int line, const std::string& path, const std::string& key,
                             std::vector<std::string_view> known) {
  const auto [whose, name] = place_of(joined_path(path, key));
  if (key == "<<") {
    return mistake(line, fmt::format("{}'{}': merge keys are not read here; write the keys out", whose, name));
  }
  const std::string_view nearest = base::nearest_name(key, known);
  const std::string hint = nearest.empty() ? "" : fmt::format("; did you mean '{}'?", nearest);
  mistake(line, fmt::format("{}unknown key '{}'{}", whose, name, hint));
}

void YamlReader::mapping(const YAML::Node& node, const std::string& path, const std::vector<Field>& fields) {
  if (node.IsNull()) return;
  if (!node.IsMap()) {
    const auto [whose, name] = place_of(path);
    return mistake(node.Mark().line, fmt::format("{}'{}' holds further keys, not a value", whose, name));
  }
  std::map<std::string, int> lines;
  for (const auto& entry : node) {
    const int line = entry.first.Mark().line;
    if (!entry.first.IsScalar()) {
      mistake(line, "a key must be a word");
      continue;
    }
    const std::string key = entry.first.Scalar();
    const auto [earlier, is_new] = lines.emplace(key, line);
    if (!is_new) {
      const auto [whose, name] = place_of(joined_path(path, key));
      mistake(line, fmt::format("{}'{}' was given before, in line {}", whose, name, earlier->second + 1));
      continue;
    }
    const auto field = std::ranges::find(fields, key, &Field::key);
    if (field != fields.end() && entry.second.IsNull()) continue;
    if (field != fields.end()) {
      field->read(entry.second, joined_path(path, key));
      continue;
    }
    std::vector<std::string_view> known;
    for (const Field& each : fields) known.push_back(each.key);
    unknown_key(line, path, key, std::move(known));
  }
}

void YamlReader::sequence(const YAML::Node& node, const std::string& path,
                          const std::function<void(const YAML::Node& item, size_t index)>& read) {
  if (node.IsNull()) return;
  if (!node.IsSequence()) {
    const auto [whose, name] = place_of(path);
    return mistake(node.Mark().line, fmt::format("{}'{}' takes a list", whose, name));
  }
  for (size_t i = 0; i < node.size(); ++i) read(node[i], i);
}

std::optional<std::string> YamlReader::scalar(const YAML::Node& value, const std::string& path, std::string_view type) {
  if (!value.IsScalar()) {
    mistake(value.Mark().line, fmt::format("'{}' needs a value: {}", path, type));
    return std::nullopt;
  }
  if (value.Scalar().find("${") != std::string::npos) {
    mistake(value.Mark().line,
            fmt::format("{}: '{}' is filled in by the Collector; write the value here", path, value.Scalar()));
    return std::nullopt;
  }
  return value.Scalar();
}

YamlReader::Read YamlReader::whole(int64_t& target, int64_t low, int64_t high) {
  return [=, this, &target](const YAML::Node& value, const std::string& path) {
    const std::optional<std::string> text = scalar(value, path, kWholeNumber);
    if (!text) return;
    const std::string wrong = read_number<int64_t>(*text, target, low, high, kWholeNumber);
    if (!wrong.empty()) mistake(value.Mark().line, fmt::format("{}: {}", path, wrong));
  };
}

YamlReader::Read YamlReader::whole(uint64_t& target, uint64_t high) {
  return [=, this, &target](const YAML::Node& value, const std::string& path) {
    auto number = static_cast<int64_t>(target);
    whole(number, 0, static_cast<int64_t>(high))(value, path);
    target = static_cast<uint64_t>(number);
  };
}

YamlReader::Read YamlReader::whole(uint32_t& target, uint32_t low, uint32_t high) {
  return [=, this, &target](const YAML::Node& value, const std::string& path) {
    int64_t number = target;
    whole(number, low, high)(value, path);
    target = static_cast<uint32_t>(number);
  };
}

YamlReader::Read YamlReader::whole(int32_t& target) {
  return [this, &target](const YAML::Node& value, const std::string& path) {
    int64_t number = target;
    whole(number, std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max())(value, path);
    target = static_cast<int32_t>(number);
  };
}

YamlReader::Read YamlReader::real(double& target, double low, double high) {
  return [=, this, &target](const YAML::Node& value, const std::string& path) {
    const std::optional<std::string> text = scalar(value, path, "number");
    if (!text) return;
    const std::string wrong = read_number<double>(*text, target, low, high, "number");
    if (!wrong.empty()) mistake(value.Mark().line, fmt::format("{}: {}", path, wrong));
  };
}

YamlReader::Read YamlReader::boolean(bool& target) {
  return [this, &target](const YAML::Node& value, const std::string& path) {
    constexpr std::array<std::string_view, 3> kTrue = {"true", "True", "TRUE"};
    constexpr std::array<std::string_view, 3> kFalse = {"false", "False", "FALSE"};
    const std::optional<std::string> text = scalar(value, path, "true or false");
    if (!text) return;
    const bool is_true = std::ranges::find(kTrue, *text) != kTrue.end();
    if (!is_true && std::ranges::find(kFalse, *text) == kFalse.end()) {
      return mistake(value.Mark().line, fmt::format("{}: '{}' is neither true nor false", path, *text));
    }
    target = is_true;
  };
}

YamlReader::Read YamlReader::text(std::string& target) {
  return [this, &target](const YAML::Node& value, const std::string& path) {
    target = scalar(value, path, "text").value_or("");
  };
}

YamlReader::Read YamlReader::texts(std::vector<std::string>& target) {
  return [this, &target](const YAML::Node& value, const std::string& path) {
    sequence(value, path, [&](const YAML::Node& item, size_t) {
      target.push_back(scalar(item, path, "list of texts").value_or(""));
    });
  };
}

YamlReader::Read YamlReader::duration(base::Duration& target, base::Duration high) {
  return [=, this, &target](const YAML::Node& value, const std::string& path) {
    const std::optional<std::string> text = scalar(value, path, "duration, such as 10s or 1m30s");
    if (!text) return;
    const base::Result<base::Duration> parsed = base::parse_duration(*text);
    const int line = value.Mark().line;
    if (!parsed) return mistake(line, fmt::format("{}: '{}' is no duration such as 10s or 1m30s", path, *text));
    if (*parsed > high) {
      return mistake(line, fmt::format("{}: {} is longer than {}", path, base::exact_duration(*parsed),
                                       base::exact_duration(high)));
    }
    target = *parsed;
  };
}

YamlReader::Read YamlReader::milliseconds(std::chrono::milliseconds& target) {
  return [this, &target](const YAML::Node& value, const std::string& path) {
    int64_t count = target.count();
    constexpr int64_t kMax = std::numeric_limits<int64_t>::max() / 1'000'000;
    whole(count, -kMax, kMax)(value, path);
    target = std::chrono::milliseconds(count);
  };
}

YamlReader::Read YamlReader::seconds(std::chrono::seconds& target) {
  return [this, &target](const YAML::Node& value, const std::string& path) {
    base::Duration exact = target;
    duration(exact, std::chrono::hours(24 * 365))(value, path);
    if (exact % std::chrono::seconds(1) != base::Duration(0) || exact <= base::Duration(0)) {
      return mistake(value.Mark().line, fmt::format("{}: whole seconds are needed, 1s or more", path));
    }
    target = std::chrono::duration_cast<std::chrono::seconds>(exact);
  };
}

}  // namespace backstitch::app
