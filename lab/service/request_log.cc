#include "lab/service/request_log.h"

#include <array>
#include <backstitch/context.h>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>

namespace backstitch::lab {
namespace {

// "2026-01-31T12:00:00.123Z"
std::string utc_now() {
  const auto now = std::chrono::system_clock::now();
  const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
  const std::time_t seconds = millis / 1000;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  const size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S.", &parts);
  const std::string fraction = std::to_string(1000 + millis % 1000);
  return std::string(text.data(), size) + fraction.substr(1) + "Z";
}

}  // namespace

void RequestLog::write(const Outcome& outcome) const {
  const std::chrono::duration<double, std::milli> duration = std::chrono::steady_clock::now() - start_;
  const sdk::SpanContext& span = sdk::Context::current().span().context();
  nlohmann::ordered_json json;
  json["time"] = utc_now();
  json["service"] = service_;
  json["trace_id"] = span.trace_id.to_hex();
  json["span_id"] = span.span_id.to_hex();
  json["operation"] = operation_;
  json["code"] = outcome.code.name();
  if (!outcome.message.empty()) json["message"] = outcome.message;
  json["duration_ms"] = std::round(duration.count() * 1000) / 1000;
  const std::string line = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  (void)std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace backstitch::lab
