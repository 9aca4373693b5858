#include "model/feature_plan.h"

namespace backstitch::model {

std::vector<std::string> default_redact_patterns() {
  return {"authorization", "cookie", "password", "passwd", "secret", "token", "apikey"};
}

bool is_redacted(std::string_view key, const std::vector<std::string>& patterns) {
  std::string plain;
  for (const char c : key) {
    if (c == '-' || c == '_' || c == '.') continue;
    plain += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  for (const std::string& pattern : patterns) {
    if (plain.find(pattern) != std::string::npos) return true;
  }
  return false;
}

}  // namespace backstitch::model
