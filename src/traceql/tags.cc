#include "traceql/tags.h"

#include <fmt/format.h>
#include <utility>

namespace backstitch::traceql {
namespace {

// Reads pairs off the front of a logfmt text.
class LogfmtReader {
 public:
  explicit LogfmtReader(std::string_view text) : text_(text) {}

  // False at the end.
  bool skip_spaces() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
    return at_ < text_.size();
  }
  base::Result<std::string> key() {
    const size_t start = at_;
    while (at_ < text_.size() && text_[at_] != '=' && text_[at_] != '"' && !is_space(text_[at_])) ++at_;
    const std::string_view key = text_.substr(start, at_ - start);
    if (key.empty()) return refuse("a key is missing");
    if (at_ == text_.size() || text_[at_] != '=') return refuse(fmt::format("'{}' has no '=' and value", key));
    ++at_;
    return std::string(key);
  }
  base::Result<std::string> value() {
    if (at_ < text_.size() && text_[at_] == '"') return quoted();
    const size_t start = at_;
    while (at_ < text_.size() && !is_space(text_[at_])) {
      if (text_[at_] == '"') return refuse("a quote stands inside a value");
      ++at_;
    }
    return std::string(text_.substr(start, at_ - start));
  }

 private:
  static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

  base::Result<std::string> quoted() {
    std::string value;
    for (++at_; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '"') {
        ++at_;
        if (at_ < text_.size() && !is_space(text_[at_])) return refuse("a closing quote needs a space after it");
        return value;
      }
      if (c == '\\') {
        if (++at_ == text_.size()) break;
        if (text_[at_] != '"' && text_[at_] != '\\') return refuse("only \\\" and \\\\ are escapes");
      }
      value += text_[at_];
    }
    return refuse("a quote is not closed");
  }

  std::unexpected<base::Error> refuse(std::string_view what) const {
    return base::fail(base::Errc::InvalidArgument, fmt::format("tags, offset {}: {}", at_, what));
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

Condition tag_condition(std::string key, std::string value) {
  if (key == "error" && value == "true") return {.field = Field::Status, .value = "error"};
  if (key == "error" && value == "false") {
    return {.field = Field::Status, .comparison = Comparison::NotEqual, .value = "error"};
  }
  if (key == "span.kind") return {.field = Field::Kind, .value = std::move(value)};
  return {.field = Field::Attribute, .key = std::move(key), .value = std::move(value)};
}

base::Result<std::vector<Condition>> parse_logfmt_tags(std::string_view text) {
  std::vector<Condition> conditions;
  LogfmtReader reader(text);
  while (reader.skip_spaces()) {
    if (conditions.size() == kTagsMax) {
      return base::fail(base::Errc::InvalidArgument, fmt::format("tags: more than {} pairs", kTagsMax));
    }
    auto key = reader.key();
    if (!key) return std::unexpected(std::move(key.error()));
    auto value = reader.value();
    if (!value) return std::unexpected(std::move(value.error()));
    conditions.push_back(tag_condition(std::move(*key), std::move(*value)));
  }
  return conditions;
}

}  // namespace backstitch::traceql
