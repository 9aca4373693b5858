#include "sample/ottl_build.h"

#include <algorithm>
#include <fmt/format.h>
#include <re2/re2.h>

#include "sample/ottl_convert.h"

namespace backstitch::sample {

using base::Errc;
using base::fail;
using base::Result;
using NodeKind = OttlNode::Kind;
using ValueKind = OttlValue::Kind;

OttlComparison ottl_comparison(std::string_view text) {
  if (text == "==") return OttlComparison::Equal;
  if (text == "!=") return OttlComparison::NotEqual;
  if (text == "<") return OttlComparison::Less;
  if (text == "<=") return OttlComparison::LessEqual;
  return text == ">" ? OttlComparison::Greater : OttlComparison::GreaterEqual;
}

uint32_t OttlBuilder::add(OttlNode node) {
  tree_.nodes.push_back(std::move(node));
  return static_cast<uint32_t>(tree_.nodes.size() - 1);
}

bool OttlBuilder::is_written_literal(uint32_t node) const {
  return tree_.nodes[node].kind == NodeKind::Literal && tree_.nodes[node].is_written;
}
bool OttlBuilder::is_call(uint32_t node) const {
  const OttlNode& found = tree_.nodes[node];
  return found.kind == NodeKind::Convert || (found.kind == NodeKind::Literal && !found.is_written);
}
bool OttlBuilder::is_boolean_literal(uint32_t node) const {
  return is_written_literal(node) && tree_.nodes[node].literal.kind == ValueKind::Bool;
}

uint32_t OttlBuilder::literal(OttlValue value) {
  OttlNode node;
  node.literal = value;
  node.is_written = true;
  return add(std::move(node));
}
uint32_t OttlBuilder::literal(ValueKind kind, std::string text) {
  return literal(OttlValue::of_text(kind, tree_.texts.emplace_front(std::move(text))));
}

uint32_t OttlBuilder::path(OttlPath path) {
  OttlNode node;
  node.kind = NodeKind::Path;
  node.path = static_cast<uint32_t>(tree_.paths.size());
  tree_.paths.push_back(std::move(path));
  return add(std::move(node));
}

uint32_t OttlBuilder::minus(uint32_t part) {
  OttlNode node;
  node.kind = NodeKind::Negate;
  node.parts = {part};
  return add(std::move(node));
}

uint32_t OttlBuilder::calculation(std::vector<uint32_t> parts, std::vector<OttlOperator> operators) {
  if (parts.size() == 1) return parts.front();
  OttlNode node;
  node.kind = NodeKind::Calculate;
  node.parts = std::move(parts);
  node.operators = std::move(operators);
  return add(std::move(node));
}

uint32_t OttlBuilder::comparison_of(uint32_t left, OttlComparison comparison, uint32_t right) {
  if (is_written_literal(left) && is_written_literal(right)) {
    const auto known = compare_ottl(tree_.nodes[left].literal, tree_.nodes[right].literal, comparison);
    if (known) return literal(OttlValue::of_bool(*known));
  }
  OttlNode node;
  node.kind = NodeKind::Compare;
  node.comparison = comparison;
  node.parts = {left, right};
  return add(std::move(node));
}

uint32_t OttlBuilder::negation_of(uint32_t part) {
  if (is_boolean_literal(part)) return literal(OttlValue::of_bool(!tree_.nodes[part].literal.boolean));
  OttlNode node;
  node.kind = NodeKind::Not;
  node.parts = {part};
  return add(std::move(node));
}

uint32_t OttlBuilder::join(NodeKind kind, std::vector<uint32_t> parts) {
  if (parts.size() == 1) return parts.front();
  const bool neutral = kind == NodeKind::And;  // `true and a` is a, `false or a` is a
  OttlNode node;
  node.kind = kind;
  for (const uint32_t part : parts) {
    if (!is_boolean_literal(part)) {
      node.parts.push_back(part);
    } else if (tree_.nodes[part].literal.boolean != neutral) {
      return literal(OttlValue::of_bool(!neutral));
    }
  }
  if (node.parts.empty()) return literal(OttlValue::of_bool(neutral));
  if (node.parts.size() == 1) return node.parts.front();
  return add(std::move(node));
}

// Whether a time of the span or event is somewhere in it.
bool OttlBuilder::holds_time(uint32_t node) const {
  std::vector<uint32_t> open = {node};
  while (!open.empty()) {
    const OttlNode& found = tree_.nodes[open.back()];
    open.pop_back();
    open.insert(open.end(), found.parts.begin(), found.parts.end());
    if (found.kind != NodeKind::Path) continue;
    const OttlField field = tree_.paths[found.path].field;
    if (field == OttlField::StartTime || field == OttlField::EndTime || field == OttlField::EventTime) return true;
  }
  return false;
}

Result<> OttlBuilder::check_argument(const OttlConverterInfo& info, size_t index, uint32_t node) {
  const bool makes_text = info.converter == OttlConverter::IsMatch || info.converter == OttlConverter::String;
  if (makes_text && holds_time(node)) {
    return fail(Errc::Unsupported, "a time as text is not supported here");
  }
  if (!is_written_literal(node)) return {};
  OttlTexts texts;
  if (takes_ottl_argument(info.converter, index, tree_.nodes[node].literal, texts)) return {};
  return fail(Errc::InvalidArgument,
              fmt::format("{} does not take this as its '{}'", info.name, info.parameters[index]));
}

Result<> OttlBuilder::compile_pattern(OttlNode& call) {
  if (!is_written_literal(call.parts[1])) {
    return fail(Errc::Unsupported, "IsMatch takes a pattern between quotes here");
  }
  re2::RE2::Options options;
  options.set_log_errors(false);
  const std::string_view text = tree_.nodes[call.parts[1]].literal.text;
  auto pattern = std::make_shared<const re2::RE2>(re2::StringPiece(text.data(), text.size()), options);
  if (!pattern->ok()) return fail(Errc::InvalidArgument, "this is no RE2 pattern: " + pattern->error());
  call.pattern = std::move(pattern);
  return {};
}

Result<uint32_t> OttlBuilder::call(const OttlConverterInfo& info, std::span<const OttlArgument> arguments, size_t& at) {
  constexpr uint32_t kMissing = UINT32_MAX;
  const size_t count = info.parameters.size();
  if (arguments.size() != count) {
    return fail(Errc::InvalidArgument, fmt::format("{} takes {} argument{}, here are {}", info.name, count,
                                                   count == 1 ? "" : "s", arguments.size()));
  }
  OttlNode node;
  node.kind = NodeKind::Convert;
  node.converter = info.converter;
  node.parts.assign(count, kMissing);
  bool is_named = false;
  for (size_t i = 0; i < count; ++i) {
    const OttlArgument& argument = arguments[i];
    at = argument.offset;
    if (argument.name.empty() && is_named) return fail(Errc::InvalidArgument, "name this argument like those before");
    is_named = !argument.name.empty();
    const auto name = is_named ? std::ranges::find(info.parameters, argument.name) : info.parameters.begin() + i;
    if (name == info.parameters.end()) {
      return fail(Errc::InvalidArgument, fmt::format("{} has no argument '{}'", info.name, argument.name));
    }
    const auto index = static_cast<size_t>(name - info.parameters.begin());
    if (node.parts[index] != kMissing) {
      return fail(Errc::InvalidArgument, fmt::format("'{}' is given twice", argument.name));
    }
    node.parts[index] = argument.node;
    if (const Result<> checked = check_argument(info, index, argument.node); !checked) {
      return std::unexpected(checked.error());
    }
  }
  if (info.converter == OttlConverter::IsMatch) {
    if (const Result<> compiled = compile_pattern(node); !compiled) return std::unexpected(compiled.error());
  }
  return settled(info.converter, std::move(node));
}

// What needs no span is known now: an id, a duration.
Result<uint32_t> OttlBuilder::settled(OttlConverter converter, OttlNode node) {
  const bool is_constant =
      converter == OttlConverter::Duration || converter == OttlConverter::TraceId || converter == OttlConverter::SpanId;
  if (!is_constant || !is_written_literal(node.parts[0])) return add(std::move(node));
  const OttlValue argument = tree_.nodes[node.parts[0]].literal;
  const OttlResult<OttlValue> value = convert_ottl(converter, argument, {}, tree_.texts);
  if (!value) {
    return fail(Errc::InvalidArgument, converter == OttlConverter::Duration ? "this is no duration such as \"1m30s\""
                                       : converter == OttlConverter::TraceId
                                           ? "a trace id has 32 hexadecimal digits, or 16 bytes"
                                           : "a span id has 16 hexadecimal digits, or 8 bytes");
  }
  OttlNode known;
  known.literal = *value;
  return add(std::move(known));
}

OttlTree OttlBuilder::finish(uint32_t root) && {
  tree_.root = root;
  return std::move(tree_);
}

}  // namespace backstitch::sample
