// The files of tests/golden/tail_sampling. For tests only.
#pragma once

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>
#include <yaml-cpp/yaml.h>

#include "app/tail_sampling_yaml.h"

namespace backstitch::golden {

inline const std::filesystem::path kFolder = BACKSTITCH_SOURCE_DIR "/tests/golden/tail_sampling";

inline std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

inline std::vector<std::string> words_of(const std::string& line) {
  std::istringstream in(line);
  return {std::istream_iterator<std::string>(in), {}};
}

inline app::TailSamplingRead load(const std::string& block) {
  return app::read_tail_sampling(YAML::Load(block)["tail_sampling"], "tail_sampling");
}

}  // namespace backstitch::golden
