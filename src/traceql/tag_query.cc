#include "traceql/tag_query.h"

#include <fmt/format.h>
#include <utility>

#include "traceql/query_builder.h"

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

std::optional<model::SpanKind> kind_named(std::string_view word) {
  for (uint8_t number = 0; number <= static_cast<uint8_t>(model::SpanKind::Consumer); ++number) {
    const auto kind = static_cast<model::SpanKind>(number);
    if (model::to_string(kind) == word) return kind;
  }
  return std::nullopt;
}

// Joins conditions on one span by &&.
class Conditions {
 public:
  explicit Conditions(QueryBuilder& builder) : builder_(builder) {}

  void equal(Intrinsic intrinsic, TypedValue value) {
    builder_.field(FieldRef::of(intrinsic)).literal(std::move(value)).binary(Operator::Equal);
    join();
  }
  void tag(const Tag& tag) {
    const bool is_error = tag.key == "error" && (tag.value == "true" || tag.value == "false");
    const auto kind = tag.key == "span.kind" ? kind_named(tag.value) : std::nullopt;
    if (is_error) {
      builder_.field(FieldRef::of(Intrinsic::Status)).literal(TypedValue::status(model::StatusCode::Error));
      builder_.binary(tag.value == "true" ? Operator::Equal : Operator::NotEqual);
    } else if (kind) {
      builder_.field(FieldRef::of(Intrinsic::Kind)).literal(TypedValue::kind(*kind)).binary(Operator::Equal);
    } else {
      const bool is_kind = tag.key == "span.kind";  // a word that no span has
      builder_.field(is_kind ? FieldRef::of(Intrinsic::Kind) : FieldRef::attribute(Scope::Tag, tag.key));
      builder_.literal(TypedValue::text(tag.value)).compare_text(Operator::Equal);
    }
    join();
  }
  bool is_empty() const { return count_ == 0; }

 private:
  void join() {
    if (++count_ > 1) builder_.binary(Operator::And);
  }

  QueryBuilder& builder_;
  size_t count_ = 0;
};

void on_any_span(QueryBuilder& builder, Operator op, base::Duration duration, size_t& spansets) {
  builder.field(FieldRef::of(Intrinsic::Duration)).literal(TypedValue::duration(duration)).binary(op).filter();
  if (++spansets > 1) builder.join(SpansetOperator::And);
}

}  // namespace

base::Result<std::vector<Tag>> parse_logfmt(std::string_view text) {
  std::vector<Tag> tags;
  LogfmtReader reader(text);
  while (reader.skip_spaces()) {
    if (tags.size() == kTagPairsMax) {
      return base::fail(base::Errc::InvalidArgument, fmt::format("tags: more than {} pairs", kTagPairsMax));
    }
    auto key = reader.key();
    if (!key) return std::unexpected(std::move(key.error()));
    auto value = reader.value();
    if (!value) return std::unexpected(std::move(value.error()));
    tags.push_back({std::move(*key), std::move(*value)});
  }
  return tags;
}

Query tag_query(const TagSearch& search) {
  QueryBuilder builder;
  Conditions conditions(builder);
  if (!search.service.empty()) conditions.equal(Intrinsic::Service, TypedValue::text(search.service));
  if (!search.operation.empty()) conditions.equal(Intrinsic::Name, TypedValue::text(search.operation));
  for (const Tag& tag : search.tags) conditions.tag(tag);
  size_t spansets = 0;
  const bool has_durations = search.duration_min || search.duration_max;
  if (conditions.is_empty() && !has_durations) builder.literal(TypedValue::boolean(true));
  if (!conditions.is_empty() || !has_durations) {
    builder.filter();
    ++spansets;
  }
  if (search.duration_min) on_any_span(builder, Operator::GreaterEqual, *search.duration_min, spansets);
  if (search.duration_max) on_any_span(builder, Operator::LessEqual, *search.duration_max, spansets);
  return std::move(builder).finish();
}

}  // namespace backstitch::traceql
