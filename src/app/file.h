// Whole files in and out, for the verbs that read and write what people hand them. What must survive a crash goes
// through base::FileSystem instead.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace backstitch::app {

// "-" is standard input. NotFound, Io, TooLarge.
base::Result<std::string> read_file(const std::string& path, uint64_t bytes_max);

// A file that is written from its start on; "-" is standard output.
class OutputFile {
 public:
  // Empties an existing file. Io, NotFound (of its directory).
  static base::Result<std::unique_ptr<OutputFile>> create(const std::string& path);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  // Appends all of `bytes` in one write where the system takes them at once; nothing stays in this process.
  base::Result<> write(std::string_view bytes);

 private:
  OutputFile(int handle, std::string path) : handle_(handle), path_(std::move(path)) {}

  int handle_;
  std::string path_;
};

}  // namespace backstitch::app
