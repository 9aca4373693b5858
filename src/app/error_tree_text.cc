#include "app/error_tree_text.h"

#include <algorithm>
#include <fmt/format.h>
#include <vector>

#include "base/duration.h"

namespace backstitch::app {
namespace {

constexpr std::string_view kReset = "\x1b[0m";
constexpr std::string_view kDim = "\x1b[2m";
constexpr std::string_view kBold = "\x1b[1m";
constexpr std::string_view kRed = "\x1b[1;31m";
constexpr size_t kDepthMax = 16;  // deeper levels share an indent

struct Glyphs {
  std::string_view pass, branch, last, blank, elbow, error, arrow;
};
constexpr Glyphs kUnicode = {"│ ", "├─", "└─", "  ", "╰ ", "✖", "→"};
constexpr Glyphs kAscii = {"| ", "|-", "`-", "  ", "`- ", "!", "->"};

class TreeText {
 public:
  TreeText(const analyze::FailedRequest& request, const TerminalStyle& style)
      : request_(request), style_(style), glyphs_(style.unicode ? kUnicode : kAscii) {}

  std::string render() {
    find_guides();
    for (size_t i = 0; i < request_.tree.size(); ++i) add_node(i);
    const model::Truncated& cut = request_.tree.truncated(0);
    if (cut.nodes + cut.path != 0) {
      add_line(kDim, fmt::format("left out: {} nodes, and {} of the failing path", cut.nodes, cut.path));
    }
    return std::move(out_);
  }

 private:
  // Looking from below: whether a node has a sibling after it, and which levels above it go on.
  void find_guides() {
    const model::ErrorTree& tree = request_.tree;
    guides_.resize(tree.size());
    std::vector<bool> follows;
    for (size_t i = tree.size(); i-- > 0;) {
      const size_t depth = tree.depth(i);
      Guides& guides = guides_[i];
      guides.is_last = follows.size() <= depth || !follows[depth];
      guides.has_children = follows.size() > depth + 1 && follows[depth + 1];
      follows.resize(depth + 1);
      const auto levels = static_cast<std::ptrdiff_t>(std::min(depth, kDepthMax));
      guides.goes_on.assign(follows.begin(), follows.begin() + levels);
      follows[depth] = true;
    }
  }

  std::string tree_text(size_t index, bool is_note) const {
    const Guides& guides = guides_[index];
    std::string text;
    for (size_t level = 1; level < guides.goes_on.size(); ++level) {
      text += guides.goes_on[level] ? glyphs_.pass : glyphs_.blank;
    }
    const bool is_root = request_.tree.depth(index) == 0;
    if (!is_root && is_note) text += guides.is_last ? glyphs_.blank : glyphs_.pass;
    if (!is_root && !is_note) text += guides.is_last ? glyphs_.last : glyphs_.branch;
    if (is_note) text += guides.has_children ? glyphs_.pass : glyphs_.blank;
    return text;
  }

  void add_node(size_t index) {
    const model::ErrorNode node = request_.tree.node(index);
    const std::string tree = tree_text(index, false);
    const std::string sign = node.is_failing() ? fmt::format("{} ", glyphs_.error) : "";
    std::string what = harmless(node.service);
    if (!node.operation.empty()) what += " " + harmless(node.operation);
    std::string rest = std::string(node.code.name());
    if (node.count != 1) rest += fmt::format(" x{}", node.count);
    const std::string marks = marks_of(index, node);
    const size_t used = display_width(tree) + display_width(sign) + 2 + display_width(rest) + display_width(marks);
    const size_t room = std::max<size_t>(style_.width - std::min(style_.width, used), 12);
    what = fit(what, room, style_.unicode);
    const size_t width = display_width(tree) + display_width(sign) + display_width(what);
    std::string tail = fit("  " + rest + marks, style_.width - std::min(style_.width, width), style_.unicode);
    out_ += painted(kDim, tree) + painted(kRed, sign) + what;
    out_ += node.is_failing() ? painted(kRed, tail) : tail;
    out_ += "\n";
    add_message(index, node);
  }

  std::string marks_of(size_t index, const model::ErrorNode& node) const {
    std::string marks;
    if (!request_.path.empty() && index == request_.path.back()) marks += "  ORIGIN";
    if (const auto child = drift_child(index)) {
      marks += fmt::format("  DRIFT {} {} {}", request_.tree.node(*child).code.name(), glyphs_.arrow, node.code.name());
    }
    if (node.swallowed) marks += "  SWALLOWED";
    const auto split = std::ranges::find(request_.split_brains, index, &analyze::SplitBrain::node);
    if (split != request_.split_brains.end()) {
      marks += "  SPLIT-BRAIN " + verdicts(node, *split);
    } else if (node.other_code) {
      const bool by_caller = node.observed == model::Observed::ByCaller;
      marks += fmt::format("  {} says {}", by_caller ? "callee" : "caller", node.other_code->name());
    }
    if (!node.claimed_by.empty()) marks += "  CLAIMED BY " + harmless(node.claimed_by);
    return marks;
  }

  std::string verdicts(const model::ErrorNode& node, const analyze::SplitBrain& split) const {
    const bool by_caller = node.observed == model::Observed::ByCaller;
    const model::ErrorCode caller = by_caller ? node.code : *node.other_code;
    const model::ErrorCode callee = by_caller ? *node.other_code : node.code;
    std::string text = fmt::format("caller {}, callee {}", caller.name(), callee.name());
    if (split.late_by) text += fmt::format(" {} late", base::format_duration(*split.late_by));
    if (split.committed) text += *split.committed ? ", committed" : ", not committed";
    if (constexpr std::string_view kMicro = "µ"; !style_.unicode && text.find(kMicro) != std::string::npos) {
      text.replace(text.find(kMicro), kMicro.size(), "u");
    }
    return text;
  }

  // The first child that fails, where this node fails with another code.
  std::optional<size_t> drift_child(size_t index) const {
    const model::ErrorTree& tree = request_.tree;
    if (!tree.is_failing(index)) return std::nullopt;
    for (size_t i = index + 1; i < tree.size() && tree.depth(i) > tree.depth(index); ++i) {
      if (tree.depth(i) != tree.depth(index) + 1 || !tree.is_failing(i)) continue;
      return tree.node(i).code == tree.node(index).code ? std::nullopt : std::optional(i);
    }
    return std::nullopt;
  }

  // Without the mark that the codes tell already.
  void add_message(size_t index, const model::ErrorNode& node) {
    std::string_view text = node.error;
    if (const size_t end = text.find("] "); text.starts_with("[DRIFT: ") && end != std::string_view::npos) {
      text.remove_prefix(end + 2);
    }
    if (text.empty()) return;
    const std::string tree = tree_text(index, true);
    const size_t used = std::min(style_.width, display_width(tree) + display_width(glyphs_.elbow));
    out_ += painted(kDim, tree + std::string(glyphs_.elbow)) +
            fit(harmless(text), style_.width - used, style_.unicode) + "\n";
  }

  void add_line(std::string_view color, const std::string& text) {
    out_ += painted(color, fit(text, style_.width, style_.unicode)) + "\n";
  }
  std::string painted(std::string_view color, std::string_view text) const {
    return style_.color && !text.empty() ? fmt::format("{}{}{}", color, text, kReset) : std::string(text);
  }

  struct Guides {
    bool is_last = true;
    bool has_children = false;
    std::vector<bool> goes_on;
  };

  const analyze::FailedRequest& request_;
  const TerminalStyle& style_;
  const Glyphs& glyphs_;
  std::vector<Guides> guides_;
  std::string out_;
};

}  // namespace

std::string render_error_trees(std::span<const analyze::FailedRequest> requests, const ErrorTreeTextOptions& options) {
  std::string out;
  for (const analyze::FailedRequest& request : requests.first(std::min(requests.size(), options.trees_max))) {
    const std::string_view title = request.is_unsampled ? "error tree of an unsampled request" : "error tree";
    out += options.style.color ? fmt::format("\n{}{}{}\n", kBold, title, kReset) : fmt::format("\n{}\n", title);
    out += TreeText(request, options.style).render();
  }
  if (requests.size() > options.trees_max) {
    out += fmt::format("\n{} more error trees\n", grouped(requests.size() - options.trees_max));
  }
  return out;
}

}  // namespace backstitch::app
