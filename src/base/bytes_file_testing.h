// A file that lives in memory and is read only: what was encoded, opened without a disk. For tests, benchmarks and fuzz
// targets; base/simulated_file_system.h is for whoever writes.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "base/file_system.h"

namespace backstitch::base {

class BytesFile final : public File {
 public:
  explicit BytesFile(std::string bytes) : bytes_(std::move(bytes)) {}

  Result<> write_at(uint64_t, std::initializer_list<std::string_view>) override { return read_only(); }
  Result<size_t> read_at(uint64_t offset, char* out, size_t size) const override {
    return offset >= bytes_.size() ? 0 : bytes_.copy(out, size, offset);
  }
  Result<> preallocate(uint64_t) override { return read_only(); }
  Result<uint64_t> size() const override { return bytes_.size(); }
  Result<> sync() override { return {}; }

  // To change what the next reading finds.
  std::string& bytes() { return bytes_; }

 private:
  static Result<> read_only() { return fail(Errc::Unsupported, "read only"); }

  std::string bytes_;
};

}  // namespace backstitch::base
