#include "sample/text_pattern.h"

#include <fmt/format.h>
#include <re2/re2.h>

namespace backstitch::sample {

struct TextPattern::Compiled {
  explicit Compiled(std::string_view text) : expression(re2::StringPiece(text.data(), text.size()), options()) {}

  static RE2::Options options() {
    RE2::Options options;
    options.set_log_errors(false);
    options.set_never_capture(true);
    options.set_max_mem(kPatternMemoryMax);
    return options;
  }

  const RE2 expression;
};

base::Result<TextPattern> TextPattern::compile(const std::vector<std::string>& expressions) {
  TextPattern result;
  std::string any;
  for (const std::string& text : expressions) {
    const Compiled one(text);
    if (!one.expression.ok()) {
      return base::fail(base::Errc::InvalidArgument,
                        fmt::format("\"{}\" is no regular expression: {}", text, one.expression.error()));
    }
    any += fmt::format("{}(?:{})", any.empty() ? "" : "|", text);
  }
  if (expressions.empty()) return result;
  result.compiled_ = std::make_shared<const Compiled>(any);
  if (!result.compiled_->expression.ok()) {
    return base::fail(base::Errc::TooLarge, fmt::format("{} regular expressions together take more than {} bytes",
                                                        expressions.size(), kPatternMemoryMax));
  }
  return result;
}

bool TextPattern::is_found_in(std::string_view text) const {
  return compiled_ != nullptr && RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), compiled_->expression);
}

}  // namespace backstitch::sample
