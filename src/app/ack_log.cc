#include "app/ack_log.h"

namespace backstitch::app {

using base::Result;

Result<std::unique_ptr<AckLog>> AckLog::create(const std::string& path) {
  Result<std::unique_ptr<OutputFile>> file = OutputFile::create(path);
  if (!file) return std::unexpected(std::move(file.error()));
  return std::unique_ptr<AckLog>(new AckLog(std::move(*file)));
}

void AckLog::expect(const model::TraceId& trace, uint32_t span_count) {
  const std::lock_guard lock(mutex_);
  missing_[trace] += span_count;
}

Result<> AckLog::acknowledge(const gen::GeneratedRequest& request) {
  const std::lock_guard lock(mutex_);
  std::string lines;
  for (const auto& [trace, span_count] : request.parts) {
    const auto found = missing_.find(trace);
    if (found == missing_.end()) continue;
    found->second -= span_count;
    if (found->second != 0) continue;
    missing_.erase(found);
    lines += trace.to_hex() + "\n";
  }
  return lines.empty() ? Result<>() : file_->write(lines);
}

}  // namespace backstitch::app
