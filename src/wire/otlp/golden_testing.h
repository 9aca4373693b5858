// Files of tests/compat/otlp: what other implementations wrote.
#pragma once

#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <string>

namespace backstitch::wire::otlp {

inline std::string golden(const std::string& name) {
  std::ifstream file(std::string(BACKSTITCH_SOURCE_DIR "/tests/compat/otlp/") + name, std::ios::binary);
  EXPECT_TRUE(file) << "tests/compat/otlp/" << name;
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace backstitch::wire::otlp
