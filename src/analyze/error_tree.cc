#include "analyze/error_tree.h"

#include <algorithm>
#include <cassert>

#include "analyze/error_draft.h"
#include "base/utf8.h"
#include "model/unsampled.h"

namespace backstitch::analyze {
namespace {

// Of docs/spec/error-tree.md, "Composing".
constexpr size_t kNameBytesMax = 128;
constexpr size_t kErrorBytesMax = 1024;

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// UTF-8 of whole characters, at most `bytes_max` of it; in `buffer` where that is not a beginning of `text`.
std::string_view bounded(std::string_view text, size_t bytes_max, std::string& buffer) {
  if (!is_ascii(text)) {
    buffer.clear();
    base::append_utf8(text, buffer);
    text = buffer;
  }
  if (text.size() <= bytes_max) return text;
  while (bytes_max > 0 && (static_cast<unsigned char>(text[bytes_max]) & 0xc0) == 0x80) --bytes_max;
  return text.substr(0, bytes_max);
}

// A node that stands in the tree, in pre-order.
struct Kept {
  size_t draft;
  size_t parent;          // in the list; kNone for the root
  uint32_t left_out = 0;  // clean children
  bool is_on_path = false;
  bool is_gone = false;
};

bool is_clean(const Draft& draft) { return !draft.is_failing() && !draft.is_hiding; }

class TreeMaker {
 public:
  TreeMaker(const std::vector<Draft>& all, const ErrorTreeBounds& bounds) : all_(all), bounds_(bounds) {
    assert(bounds.path_max >= 2 && bounds.path_max < bounds.nodes_max);
  }

  FailedRequest make(size_t root) {
    walk(root);
    mark_path();
    fold_path();
    drop_cousins();
    write();
    request_.path = failing_path(request_.tree);
    return std::move(request_);
  }

 private:
  void walk(size_t root) {
    std::vector<Kept> stack{{.draft = root, .parent = kNone}};
    std::vector<size_t> children;
    while (!stack.empty()) {
      const Kept kept = stack.back();
      stack.pop_back();
      const size_t index = nodes_.size();
      nodes_.push_back(kept);
      const Draft& draft = all_[kept.draft];
      // Of a call that went well only the callee itself is context.
      if (kept.parent != kNone && is_clean(draft) && all_[all_[kept.draft].parent].is_composed) continue;
      children.clear();
      choose_children(draft, children, nodes_[index].left_out);
      for (size_t i = children.size(); i-- > 0;) stack.push_back({.draft = children[i], .parent = index});
    }
  }

  // "Composing", step 5. What was reported was chosen by its service.
  void choose_children(const Draft& draft, std::vector<size_t>& children, uint32_t& left_out) const {
    size_t context = 0;
    for (size_t child = draft.first_child; child != kNone; child = all_[child].next_sibling) {
      if (draft.is_composed && is_clean(all_[child])) {
        if (!draft.has_failing_child) continue;
        if (++context > bounds_.context_max) {
          ++left_out;
          continue;
        }
      }
      children.push_back(child);
    }
  }

  void mark_path() {
    size_t next = nodes_[0].draft;
    for (Kept& kept : nodes_) {  // in pre-order, as the path is
      if (kept.draft != next) continue;
      kept.is_on_path = true;
      ++path_size_;
      next = all_[kept.draft].next;
    }
  }

  // What is just below the root goes, with its cousins: the origin and who called it tell most.
  void fold_path() {
    if (path_size_ <= bounds_.path_max) return;
    size_t to_fold = path_size_ - bounds_.path_max;
    request_truncated_.path = static_cast<uint32_t>(to_fold);
    std::vector<bool> is_folded(nodes_.size(), false);
    for (size_t i = 1; i < nodes_.size(); ++i) {
      Kept& kept = nodes_[i];
      if (kept.is_on_path && to_fold != 0) {
        is_folded[i] = kept.is_gone = true;
        --to_fold;
      } else if (!kept.is_on_path && (is_folded[kept.parent] || nodes_[kept.parent].is_gone)) {
        kept.is_gone = true;
        ++request_truncated_.nodes;
      }
    }
  }

  // The later ones in pre-order go.
  void drop_cousins() {
    size_t room = bounds_.nodes_max - std::min(path_size_, bounds_.path_max);
    for (size_t i = 1; i < nodes_.size(); ++i) {
      Kept& kept = nodes_[i];
      if (kept.is_on_path || kept.is_gone) continue;
      if (room != 0 && !nodes_[kept.parent].is_gone) {
        --room;
        continue;
      }
      kept.is_gone = true;
      ++request_truncated_.nodes;
    }
  }

  void write() {
    std::vector<uint16_t> depths(nodes_.size(), 0);
    for (size_t i = 0; i < nodes_.size(); ++i) {
      const Kept& kept = nodes_[i];
      if (i != 0) {
        // A node whose parent was folded moves up to the root.
        const size_t above = depths[kept.parent];
        depths[i] = static_cast<uint16_t>(kept.is_gone ? above : above + 1);
      }
      if (!kept.is_gone) write_node(kept, depths[i], i == 0);
    }
  }

  void write_node(const Kept& kept, uint16_t depth, bool is_root) {
    const Draft& draft = all_[kept.draft];
    model::ErrorNode node = draft.node;
    node.service = bounded(node.service, kNameBytesMax, buffers_[0]);
    node.operation = bounded(node.operation, kNameBytesMax, buffers_[1]);
    node.error = bounded(node.error, kErrorBytesMax, buffers_[2]);
    node.depth = depth;
    node.truncated.nodes += kept.left_out;
    if (is_root) {
      node.truncated.nodes += request_truncated_.nodes;
      node.truncated.path += request_truncated_.path;
    }
    note_split_brain(draft, request_.tree.size());
    request_.tree.add(node);
  }

  void note_split_brain(const Draft& draft, size_t index) {
    const model::ErrorNode& node = draft.node;
    if (!node.other_code || node.other_code->is_ok() == node.code.is_ok()) return;
    SplitBrain split{.node = index, .late_by = std::nullopt, .committed = std::nullopt};
    if (draft.report != nullptr) {
      split.late_by = draft.report->lateness;
      split.committed = draft.report->committed;
    }
    const bool ends_late = draft.caller && draft.caller->end.is_set() && draft.caller->end < draft.end;
    if (!split.late_by && ends_late) split.late_by = base::elapsed(draft.caller->end, draft.end);
    request_.split_brains.push_back(split);
  }

  const std::vector<Draft>& all_;
  const ErrorTreeBounds& bounds_;
  std::vector<Kept> nodes_;
  size_t path_size_ = 0;
  model::Truncated request_truncated_;
  std::string buffers_[3];
  FailedRequest request_;
};

}  // namespace

std::string FailedRequest::drift_chain() const {
  std::string chain;
  std::string_view last;
  for (size_t i = path.size(); i-- > 0;) {
    const model::ErrorNode node = tree.node(path[i]);
    const std::string_view name = node.code.name();
    if (name == last) continue;
    if (!chain.empty()) chain += " -> ";
    chain += name;
    last = name;
  }
  return chain;
}

std::vector<FailedRequest> failed_requests(const model::Trace& trace,
                                           std::span<const model::ReportedErrorTree> reported,
                                           const ErrorTreeBounds& bounds) {
  const ServiceCalls calls = service_calls(trace);
  Drafts drafts = collect_drafts(trace, calls, reported);
  compose_drafts(drafts.all);
  std::vector<FailedRequest> requests;
  for (const size_t root : drafts.roots) {
    const Draft& draft = drafts.all[root];
    if (is_clean(draft) || !draft.is_alarming) continue;
    FailedRequest& request = requests.emplace_back(TreeMaker(drafts.all, bounds).make(root));
    request.entry = calls.hops[draft.hop].entry;
    request.is_unsampled = model::is_unsampled(trace.spans[request.entry]);
  }
  return requests;
}

}  // namespace backstitch::analyze
