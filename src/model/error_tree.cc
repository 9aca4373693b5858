#include "model/error_tree.h"

#include <cassert>

namespace backstitch::model {

// Every field is named, so that none is written twice: this and add() are most of what reading and writing cost.
ErrorNode ErrorTree::node(size_t index) const {
  const Stored& stored = nodes_[index];
  const bool has_other = stored.other_code != kNoCode;
  return {.service = view(stored.service),
          .operation = view(stored.operation),
          .code = ErrorCode(stored.code, view(stored.custom_code)),
          .error = view(stored.error),
          .depth = stored.depth,
          .swallowed = stored.swallowed,
          .observed = stored.observed,
          .count = stored.count,
          .duration = stored.duration,
          .span_id = stored.span_id,
          .claimed_by = view(stored.claimed_by),
          .other_code =
              has_other ? std::optional(ErrorCode(stored.other_code, view(stored.other_custom_code))) : std::nullopt,
          .truncated = stored.truncated};
}

void ErrorTree::reserve(size_t nodes, size_t text_bytes) {
  nodes_.reserve(nodes);
  text_.reserve(text_bytes);
}

void ErrorTree::clear() {
  nodes_.clear();
  text_.clear();
}

void ErrorTree::add(const ErrorNode& node, std::string_view source) {
  assert(nodes_.empty() ? node.depth == 0 : node.depth >= 1 && node.depth <= nodes_.back().depth + 1);
  assert(node.count != 0);
  nodes_.push_back({.service = keep(node.service, source),
                    .operation = keep(node.operation, source),
                    .error = keep(node.error, source),
                    .custom_code = keep(node.code.custom_, source),
                    .other_custom_code = {},
                    .claimed_by = keep(node.claimed_by, source),
                    .span_id = node.span_id,
                    .duration = node.duration,
                    .truncated = node.truncated,
                    .count = node.count,
                    .depth = node.depth,
                    .code = node.code.number_,
                    .other_code = kNoCode,
                    .swallowed = node.swallowed,
                    .observed = node.observed});
  if (node.other_code) set_other_code(nodes_.size() - 1, node.other_code);
}

void ErrorTree::add_below_root(const ErrorTree& other) {
  for (size_t i = 0; i < other.size(); ++i) {
    ErrorNode node = other.node(i);
    ++node.depth;
    add(node);
  }
}

void ErrorTree::set_code(size_t index, ErrorCode code) {
  nodes_[index].code = code.number_;
  nodes_[index].custom_code = keep(code.custom_);
}

void ErrorTree::set_other_code(size_t index, std::optional<ErrorCode> code) {
  nodes_[index].other_code = code ? code->number_ : kNoCode;
  nodes_[index].other_custom_code = code ? keep(code->custom_) : Text{};
}

void ErrorTree::remove(const std::vector<bool>& gone) {
  assert(gone.size() == nodes_.size() && (gone.empty() || !gone[0]));
  std::vector<uint16_t> lifted;  // for each level of the branch that is being walked: by how much its nodes move up
  size_t kept = 0;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    const uint16_t depth = nodes_[i].depth;
    lifted.resize(depth + 1);
    lifted[depth] = depth == 0 ? 0 : lifted[depth - 1];
    if (gone[i]) {
      ++lifted[depth];
      continue;
    }
    nodes_[kept] = nodes_[i];
    nodes_[kept++].depth = static_cast<uint16_t>(depth - lifted[depth]);
  }
  nodes_.resize(kept);
}

bool ErrorTree::operator==(const ErrorTree& other) const {
  if (size() != other.size()) return false;
  for (size_t i = 0; i < size(); ++i) {
    if (node(i) != other.node(i)) return false;
  }
  return true;
}

std::vector<bool> failing_subtrees(const ErrorTree& tree) {
  std::vector<bool> failing(tree.size());
  std::vector<bool> below;  // by depth: a node that fails was met below the node of that depth to come
  for (size_t i = tree.size(); i-- > 0;) {
    const uint16_t depth = tree.depth(i);
    if (below.size() < depth + 2u) below.resize(depth + 2u);
    failing[i] = tree.is_failing(i) || below[depth + 1u];
    below[depth + 1u] = false;
    if (failing[i]) below[depth] = true;
  }
  return failing;
}

std::vector<size_t> failing_path(const ErrorTree& tree) {
  std::vector<size_t> path;
  if (tree.empty()) return path;
  const std::vector<bool> failing = failing_subtrees(tree);
  std::optional<size_t> next = 0;
  while (next) {
    const size_t at = *next;
    const bool may_hide = !tree.is_failing(at);
    path.push_back(at);
    next.reset();
    for (size_t i = at + 1; i < tree.size() && tree.depth(i) > tree.depth(at); ++i) {
      if (tree.depth(i) != tree.depth(at) + 1 || !failing[i]) continue;
      if (tree.is_failing(i)) {
        next = i;
        break;
      }
      if (may_hide && !next) next = i;
    }
  }
  return path;
}

std::optional<size_t> first_failing_child(const ErrorTree& tree) {
  for (size_t i = 1; i < tree.size(); ++i) {
    if (tree.depth(i) == 1 && tree.is_failing(i)) return i;
  }
  return std::nullopt;
}

}  // namespace backstitch::model
