#include "traceql/print.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

#include "traceql/field_names.h"

namespace backstitch::traceql {
namespace {

// How tightly what was printed holds together; the parser's levels, and a name or a literal above them.
enum Level { kLogical = 1, kComparing = 2, kAdding = 3, kMultiplying = 4, kPower = 5, kUnary = 6, kWhole = 7 };

struct Printed {
  std::string text;
  int level = kWhole;
};

int level_of(Operator op) {
  if (op == Operator::And || op == Operator::Or) return kLogical;
  if (is_comparison(op)) return kComparing;
  if (op == Operator::Add || op == Operator::Subtract) return kAdding;
  return op == Operator::Power ? kPower : kMultiplying;
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string duration_text(int64_t nanos) {
  constexpr std::pair<uint64_t, std::string_view> units[] = {
      {3'600'000'000'000, "h"}, {60'000'000'000, "m"}, {1'000'000'000, "s"}, {1'000'000, "ms"}, {1'000, "us"}};
  const uint64_t size = nanos < 0 ? 0 - static_cast<uint64_t>(nanos) : static_cast<uint64_t>(nanos);
  const std::string_view sign = nanos < 0 ? "-" : "";
  for (const auto& [unit, name] : units) {
    if (size != 0 && size % unit == 0) return fmt::format("{}{}{}", sign, size / unit, name);
  }
  return fmt::format("{}{}ns", sign, size);
}

std::string float_text(double value) {
  if (!std::isfinite(value)) return model::to_text(value);
  std::string text = fmt::format("{}", value);
  const bool is_float = text.find_first_of(".e") != std::string::npos;
  return is_float ? text : text + ".0";
}

bool is_negative(const TypedValue& value) {
  if (const auto* number = value.value.as<int64_t>()) return *number < 0 && is_numeric(value.type);
  const auto* number = value.value.as<double>();
  return number != nullptr && std::signbit(*number);
}

bool is_plain_key(const FieldRef& field) {
  if (field.key.empty() || (field.key.front() >= '0' && field.key.front() <= '9')) return false;
  const bool looks_scoped = field.key.starts_with("span.") || field.key.starts_with("resource.");
  if (field.of_parent && field.scope == Scope::Any && looks_scoped) return false;
  return std::ranges::all_of(field.key, is_attribute_char);
}

std::string key_text(const FieldRef& field) {
  if (is_plain_key(field)) return field.key;
  std::string out = "\"";
  for (const char c : field.key) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string in_parentheses(std::string text) { return "(" + std::move(text) + ")"; }

// Prints a subtree by its post-order, without recursion.
class ExpressionPrinter {
 public:
  explicit ExpressionPrinter(const Query& query) : nodes_(query.expressions) {}

  std::string print(NodeId root) {
    for (NodeId id = nodes_[root].first; id <= root; ++id) stack_.push_back(one(nodes_[id]));
    return std::move(stack_.back().text);
  }

 private:
  Printed pop() {
    Printed top = std::move(stack_.back());
    stack_.pop_back();
    return top;
  }

  Printed one(const ExpressionNode& node) {
    switch (node.kind) {
      case ExpressionKind::Literal:
        return {traceql::print(node.literal), is_negative(node.literal) ? kUnary : kWhole};
      case ExpressionKind::Field:
        return {traceql::print(node.field), kWhole};
      case ExpressionKind::Unary:
        return unary(node);
      case ExpressionKind::Binary:
        return binary(node);
    }
    return {};
  }

  Printed unary(const ExpressionNode& node) {
    Printed operand = pop();
    if (operand.level != kWhole) operand.text = in_parentheses(std::move(operand.text));
    if (node.op == Operator::Exists || node.op == Operator::Absent) {
      return {fmt::format("{} {}", operand.text, to_string(node.op)), kComparing};
    }
    // A minus before a plain number would become part of it; trees of parse() have none such.
    return {std::string(to_string(node.op)) + operand.text, kUnary};
  }

  Printed binary(const ExpressionNode& node) {
    Printed right = pop();
    Printed left = pop();
    const int level = level_of(node.op);
    const bool is_from_right = node.op == Operator::Power;
    const bool is_logical = level == kLogical;
    // What begins with a sign takes what follows with it, but for what binds less.
    const auto wrap = [&](Printed& side, bool may_equal) {
      const bool has_sign = side.level == kUnary && level > kComparing;
      const bool is_loose = side.level < level || (side.level == level && !may_equal);
      const bool is_compared_sign = side.level == kUnary && level == kComparing && side.text.starts_with("!");
      if (has_sign || is_loose || is_compared_sign) side.text = in_parentheses(std::move(side.text));
    };
    wrap(left, !is_from_right && (is_logical || level != kComparing));
    wrap(right, is_from_right);
    if (node.as_text) left.text = "text(" + std::move(left.text) + ")";
    left.text += fmt::format(" {} ", to_string(node.op));
    left.text += right.text;
    left.level = level;
    return left;
  }

  const std::vector<ExpressionNode>& nodes_;
  std::vector<Printed> stack_;
};

class QueryPrinter {
 public:
  explicit QueryPrinter(const Query& query) : query_(query) {}

  std::string run() {
    if (query_.is_empty()) return "";
    for (const Pipeline& one : query_.pipelines) pipelines_.push_back(pipeline(one));
    std::string text = std::move(pipelines_.back());
    if (query_.metrics) text += metrics(*query_.metrics);
    if (!query_.hints.empty()) text += hints();
    return text;
  }

 private:
  // Those in parentheses come first, so each finds the ones it holds printed.
  std::string pipeline(const Pipeline& one) {
    std::string text;
    for (const Stage& each : one.stages) {
      if (!text.empty()) text += " | ";
      text += stage(each);
    }
    return text;
  }

  std::string stage(const Stage& one) {
    switch (one.kind) {
      case StageKind::Spansets:
        return spansets(one.spansets);
      case StageKind::ScalarFilter:
        return fmt::format("{} {} {}", scalars(one.left), to_string(one.op), scalars(one.right));
      case StageKind::Scalar:
        return scalars(one.left);
      case StageKind::By:
        return "by(" + print_expression(query_, one.expression) + ")";
      case StageKind::Coalesce:
        return "coalesce()";
      case StageKind::Select:
        return "select(" + fields(one.selected) + ")";
    }
    return "";
  }

  static std::string fields(const std::vector<FieldRef>& list) {
    std::string text;
    for (const FieldRef& field : list) text += (text.empty() ? "" : ", ") + print(field);
    return text;
  }

  static std::string braces(const std::string& expression) {
    return expression == "true" ? "{ }" : "{ " + expression + " }";
  }

  std::string spansets(NodeId root) {
    std::vector<Printed> stack;
    for (NodeId id = query_.spansets[root].first; id <= root; ++id) {
      const SpansetNode& node = query_.spansets[id];
      if (node.kind == SpansetKind::Filter) {
        stack.push_back({braces(print_expression(query_, node.expression)), kWhole});
      } else if (node.kind == SpansetKind::Pipeline) {
        stack.push_back({in_parentheses(pipelines_[node.pipeline]), kWhole});
      } else {
        const bool is_logical = node.op == SpansetOperator::And || node.op == SpansetOperator::Or;
        join(stack, to_string(node.op, node.mode), is_logical ? kLogical : kComparing, false);
      }
    }
    return std::move(stack.back().text);
  }

  std::string scalars(NodeId root) {
    std::vector<Printed> stack;
    for (NodeId id = query_.scalars[root].first; id <= root; ++id) {
      const ScalarNode& node = query_.scalars[id];
      switch (node.kind) {
        case ScalarKind::Literal:
          stack.push_back({print(node.literal), kWhole});
          break;
        case ScalarKind::Aggregate:
          stack.push_back({aggregate(node), kWhole});
          break;
        case ScalarKind::Pipeline:
          stack.push_back({in_parentheses(pipelines_[node.pipeline]), kWhole});
          break;
        case ScalarKind::Arithmetic:
          join(stack, to_string(node.op), level_of(node.op), node.op == Operator::Power);
          break;
      }
    }
    return std::move(stack.back().text);
  }

  static void join(std::vector<Printed>& stack, std::string_view op, int level, bool is_from_right) {
    Printed right = std::move(stack.back());
    stack.pop_back();
    Printed& left = stack.back();
    const auto is_loose = [&](const Printed& side, bool may_equal) {
      return side.level < level || (side.level == level && !may_equal);
    };
    if (is_loose(left, !is_from_right)) left.text = in_parentheses(std::move(left.text));
    if (is_loose(right, is_from_right)) right.text = in_parentheses(std::move(right.text));
    left.text += fmt::format(" {} ", op);
    left.text += right.text;
    left.level = level;
  }

  std::string aggregate(const ScalarNode& node) const {
    const std::string of = node.aggregate == Aggregate::Count ? "" : print_expression(query_, node.expression);
    return fmt::format("{}({})", to_string(node.aggregate), of);
  }

  static std::string metrics(const Metrics& metrics) {
    std::string text = fmt::format(" | {}(", to_string(metrics.function));
    if (metrics.field) text += print(*metrics.field);
    for (const double quantile : metrics.quantiles) text += fmt::format(", {}", quantile);
    text += ")";
    if (!metrics.by.empty()) text += " by (" + fields(metrics.by) + ")";
    for (const SecondStage& stage : metrics.second_stages) {
      if (stage.kind == SecondStageKind::Compare) {
        text += fmt::format(" {} {}", to_string(stage.op), print(stage.threshold));
      } else {
        text += fmt::format(" | {}({})", stage.kind == SecondStageKind::TopK ? "topk" : "bottomk", stage.limit);
      }
    }
    return text;
  }

  std::string hints() const {
    std::string text;
    for (const Hint& hint : query_.hints) {
      text += fmt::format("{}{}={}", text.empty() ? "" : ", ", hint.name, print(hint.value));
    }
    return " with (" + text + ")";
  }

  const Query& query_;
  std::vector<std::string> pipelines_;
};

}  // namespace

std::string print(const TypedValue& value) {
  const auto* number = value.value.as<int64_t>();
  switch (value.type) {
    case ValueType::Nil:
      return "nil";
    case ValueType::Int:
      return *number == INT64_MIN ? "minInt" : fmt::format("{}", *number);
    case ValueType::Float:
      return float_text(*value.value.as<double>());
    case ValueType::String:
      return quoted(*value.value.as<std::string>());
    case ValueType::Duration:
      return duration_text(*number);
    case ValueType::Status:
      return std::string(model::to_string(static_cast<model::StatusCode>(*number)));
    case ValueType::Kind:
      return std::string(model::to_string(static_cast<model::SpanKind>(*number)));
    default:
      return model::to_text(value.value);
  }
}

std::string print(const FieldRef& field) {
  const std::string_view parent = field.of_parent ? "parent" : "";
  if (field.intrinsic != Intrinsic::None) return std::string(name_of(field.intrinsic));
  const bool needs_dot = field.of_parent && field.scope != Scope::Any;
  return fmt::format("{}{}{}{}", parent, needs_dot ? "." : "", prefix_of(field.scope), key_text(field));
}

std::string print_expression(const Query& query, NodeId root) { return ExpressionPrinter(query).print(root); }

std::string print(const Query& query) { return QueryPrinter(query).run(); }

}  // namespace backstitch::traceql
