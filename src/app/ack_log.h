// The ids of traces whose every span was acknowledged, one a line: what a crash test holds the server to. All ids that
// one acknowledgement completes are written in one write, at once, so the file never claims too much or too late.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <memory>
#include <mutex>
#include <string>

#include "app/file.h"
#include "app/gen/generator.h"

namespace backstitch::app {

// Thread-safe.
class AckLog {
 public:
  static base::Result<std::unique_ptr<AckLog>> create(const std::string& path);

  // Before any of the trace's spans is sent.
  void expect(const model::TraceId& trace, uint32_t span_count);
  base::Result<> acknowledge(const gen::GeneratedRequest& request);

 private:
  explicit AckLog(std::unique_ptr<OutputFile> file) : file_(std::move(file)) {}

  std::unique_ptr<OutputFile> file_;
  std::mutex mutex_;
  absl::flat_hash_map<model::TraceId, uint32_t> missing_;  // spans not acknowledged yet
};

}  // namespace backstitch::app
