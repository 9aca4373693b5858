// What went wrong behind one answer, service by service: who failed, as what, and who renamed it on the way back.
// The protocol is docs/spec/error-tree.md; bytes ⇄ trees is wire/error_tree.
//
//   ErrorTree tree;
//   tree.add({.service = "root", .code = ErrorCode::from_name("not-found"), .error = "…"});
//   tree.add({.service = "service-e", .code = ErrorCode::from_name("permission-denied"), .depth = 1});
//
// Nodes lie in pre-order with their depth, texts in one string: a tree of any size is two allocations, nothing
// recurses, and each list of nodes that add() takes is exactly one tree.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/error_code.h"
#include "model/ids.h"

namespace backstitch::model {

// What was cut at and below a node to make a tree fit.
struct Truncated {
  uint32_t messages = 0;  // nodes left whose texts were shortened
  uint32_t nodes = 0;     // nodes off the failing path that are gone
  uint32_t path = 0;      // nodes of the failing path that are gone, just below this one

  bool any() const { return (messages | nodes | path) != 0; }
  bool operator==(const Truncated&) const = default;
};

enum class Observed : uint8_t { ByCallee, ByCaller };

// One node, its texts borrowed: from the caller where it is given to add(), from the tree where node() returns it.
struct ErrorNode {
  std::string_view service;
  std::string_view operation;
  ErrorCode code;
  std::string_view error;  // the message
  uint16_t depth = 0;
  bool swallowed = false;  // answered success though a child failed
  Observed observed = Observed::ByCallee;
  uint32_t count = 1;  // attempts of the call; never 0
  std::chrono::nanoseconds duration{0};
  SpanId span_id;
  std::string_view claimed_by;          // the service that was expected where another name answered; empty: none
  std::optional<ErrorCode> other_code;  // the other side's verdict on the call, where it differs
  Truncated truncated;

  bool is_failing() const { return !code.is_ok(); }
  bool operator==(const ErrorNode&) const = default;
};

// A value: copies and compares. Empty only before the first add().
class ErrorTree {
 public:
  size_t size() const { return nodes_.size(); }
  bool empty() const { return nodes_.empty(); }
  // Valid until the tree changes.
  ErrorNode node(size_t index) const;
  uint16_t depth(size_t index) const { return nodes_[index].depth; }
  bool is_failing(size_t index) const { return nodes_[index].code != ErrorCode::kOk; }
  // No less than all texts together.
  size_t text_bytes() const { return text_.size(); }
  const Truncated& truncated(size_t index) const { return nodes_[index].truncated; }

  void reserve(size_t nodes, size_t text_bytes);
  void clear();
  // Appends the next node in pre-order: its depth is 0 for the first, then 1 to one more than the last one's
  // (asserted). Texts must not be borrowed from this tree.
  void add(const ErrorNode& node) { add(node, {}); }
  // Takes a copy of `source` as the texts to come, so that add(node, source) copies none that lie in it. Before the
  // first node.
  void start_with_text(std::string_view source) { text_ = source; }
  void add(const ErrorNode& node, std::string_view source);
  // Appends the nodes of `other`, all deeper by one.
  void add_below_root(const ErrorTree& other);

  // Texts given to these must not be borrowed from this tree.
  void set_service(size_t index, std::string_view service) { nodes_[index].service = keep(service); }
  void set_operation(size_t index, std::string_view operation) { nodes_[index].operation = keep(operation); }
  void set_error(size_t index, std::string_view error) { nodes_[index].error = keep(error); }
  void set_claimed_by(size_t index, std::string_view service) { nodes_[index].claimed_by = keep(service); }
  void set_code(size_t index, ErrorCode code);
  void set_other_code(size_t index, std::optional<ErrorCode> code);
  void set_swallowed(size_t index, bool swallowed) { nodes_[index].swallowed = swallowed; }
  void set_observed(size_t index, Observed observed) { nodes_[index].observed = observed; }
  void set_count(size_t index, uint32_t count) { nodes_[index].count = count; }
  void set_duration(size_t index, std::chrono::nanoseconds duration) { nodes_[index].duration = duration; }
  void set_span_id(size_t index, SpanId id) { nodes_[index].span_id = id; }
  void set_truncated(size_t index, Truncated truncated) { nodes_[index].truncated = truncated; }

  // Removes the nodes that are marked; of a node whose parent goes, the depth is one less. A node goes with all
  // below it, or its only child takes its place. `gone` has size() entries, the root's false.
  void remove(const std::vector<bool>& gone);

  // Equal nodes in equal order.
  bool operator==(const ErrorTree& other) const;

 private:
  struct Text {
    uint32_t at = 0;
    uint32_t size = 0;
  };
  static constexpr uint8_t kNoCode = 0xff;
  struct Stored {
    Text service, operation, error, custom_code, other_custom_code, claimed_by;
    SpanId span_id;
    std::chrono::nanoseconds duration{0};
    Truncated truncated;
    uint32_t count = 1;
    uint16_t depth = 0;
    uint8_t code = ErrorCode::kOk;
    uint8_t other_code = kNoCode;
    bool swallowed = false;
    Observed observed = Observed::ByCallee;
  };

  Text keep(std::string_view text) {
    if (text.empty()) return {};
    const Text kept{static_cast<uint32_t>(text_.size()), static_cast<uint32_t>(text.size())};
    text_ += text;
    return kept;
  }
  Text keep(std::string_view text, std::string_view source) {
    const auto at = reinterpret_cast<uintptr_t>(text.data()) - reinterpret_cast<uintptr_t>(source.data());
    if (at < source.size()) return {static_cast<uint32_t>(at), static_cast<uint32_t>(text.size())};
    return keep(text);
  }
  std::string_view view(Text text) const { return {text_.data() + text.at, text.size}; }

  std::vector<Stored> nodes_;
  std::string text_;
};

// For each node whether it or a node below it fails.
std::vector<bool> failing_subtrees(const ErrorTree& tree);

// From the root to the origin: on to the first child that fails; where there is none below a node that does not fail
// itself, to the first child that hides a failure. Indexes, the root's 0 first; empty for an empty tree.
std::vector<size_t> failing_path(const ErrorTree& tree);

// The first child of the root that fails.
std::optional<size_t> first_failing_child(const ErrorTree& tree);

}  // namespace backstitch::model
