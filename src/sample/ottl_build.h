// Puts the tree of an OTTL condition together, and checks what OTTL checks while it does: a converter's arguments, and
// literals of a kind that a converter never takes. What is known beforehand is settled here as OTTL settles it:
// `false and …` is false even where the rest could not be evaluated.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sample/ottl_paths.h"
#include "sample/ottl_tree.h"

namespace backstitch::sample {

struct OttlArgument {
  std::string_view name;  // of `target = …`; "" where it is given by its place
  size_t offset = 0;
  uint32_t node = 0;
};

// "==", "!=", "<", "<=", ">" or ">=".
OttlComparison ottl_comparison(std::string_view text);

// All functions return the index of a node in the tree.
class OttlBuilder {
 public:
  explicit OttlBuilder(OttlContext context) { tree_.context = context; }

  OttlContext context() const { return tree_.context; }
  bool is_call(uint32_t node) const;  // a converter, also one whose result is known already
  bool is_boolean_literal(uint32_t node) const;

  uint32_t literal(OttlValue value);
  uint32_t literal(OttlValue::Kind kind, std::string text);
  uint32_t path(OttlPath path);
  uint32_t minus(uint32_t part);
  uint32_t calculation(std::vector<uint32_t> parts, std::vector<OttlOperator> operators);
  uint32_t comparison_of(uint32_t left, OttlComparison comparison, uint32_t right);
  // On failure `at` becomes the offset of the argument that is wrong, if it is one.
  base::Result<uint32_t> call(const OttlConverterInfo& info, std::span<const OttlArgument> arguments, size_t& at);
  uint32_t negation_of(uint32_t part);
  uint32_t all_of(std::vector<uint32_t> parts) { return join(OttlNode::Kind::And, std::move(parts)); }
  uint32_t any_of(std::vector<uint32_t> parts) { return join(OttlNode::Kind::Or, std::move(parts)); }

  OttlTree finish(uint32_t root) &&;

 private:
  uint32_t add(OttlNode node);
  uint32_t join(OttlNode::Kind kind, std::vector<uint32_t> parts);
  bool is_written_literal(uint32_t node) const;
  bool holds_time(uint32_t node) const;
  base::Result<> check_argument(const OttlConverterInfo& info, size_t index, uint32_t node);
  base::Result<> compile_pattern(OttlNode& call);
  base::Result<uint32_t> settled(OttlConverter converter, OttlNode node);

  OttlTree tree_;
};

}  // namespace backstitch::sample
