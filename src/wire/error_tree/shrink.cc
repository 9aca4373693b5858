#include "wire/error_tree/shrink.h"

#include <algorithm>
#include <cassert>
#include <vector>

#include "base/utf8.h"
#include "wire/error_tree/binary.h"
#include "wire/error_tree/json.h"

namespace backstitch::wire::error_tree {
namespace {

using model::ErrorTree;
using model::Truncated;

constexpr size_t kFirstCuts[] = {512, 256, 128, 64};
constexpr size_t kLastCuts[] = {32, 0};
constexpr size_t kEnds = 2;  // the root and the origin
constexpr std::string_view kDots = "...";

constexpr size_t kTrailersBytesMax = 8192;
constexpr size_t kTrailersReserve = 1024;  // for what libraries and proxies add
constexpr size_t kFieldOverhead = 32;      // as HTTP/2 counts header lists
constexpr size_t kJsonNameBytes = 12;      // x-error-tree
constexpr size_t kBinaryNameBytes = 16;    // x-error-tree-bin

// A tree on its way to fit. Nodes keep their indexes until compact().
class Fitting {
 public:
  Fitting(ErrorTree& tree, Encoding encoding, const SendBounds& bounds)
      : tree_(tree), encoding_(encoding), bounds_(bounds), shortened_(tree.size()) {
    bounds_.nodes_max = std::clamp(bounds.nodes_max, kEnds, kDecodeLevelsMax);
  }

  // Steps 1 to 9 of the specification.
  std::optional<Fitted> run() {
    root_before_ = tree_.truncated(0);
    remove_outside_bounds();
    order_cousins();
    while (nodes() > bounds_.nodes_max && remove_next_cousin()) continue;
    fold_to_nodes();
    if (fits() || cut_all() || remove_cousins() || cut_but_origin() || cut_origin() || fold_path()) {
      return Fitted{std::move(value_), cut()};
    }
    return std::nullopt;
  }

 private:
  size_t nodes() const { return tree_.size() - gone_count_; }

  void remove_outside_bounds() {
    mark_path();
    for (size_t i = 0; i < tree_.size(); ++i) {
      if (!on_path_[i] && (bounds_.path_only || tree_.depth(i) >= bounds_.depth_max)) remove(i);
    }
    compact();
  }

  void mark_path() {
    path_ = failing_path(tree_);
    on_path_.assign(tree_.size(), false);
    for (const size_t i : path_) on_path_[i] = true;
    gone_.assign(tree_.size(), false);
    gone_count_ = 0;
  }

  void remove(size_t index) {
    gone_[index] = true;
    ++gone_count_;
    const Truncated own = tree_.truncated(index);
    removed_.nodes += own.nodes + (on_path_[index] ? 0 : 1);
    removed_.path += own.path + (on_path_[index] ? 1 : 0);
  }

  void compact() {
    if (gone_count_ == 0) return;
    size_t kept = 0;
    for (size_t i = 0; i < shortened_.size(); ++i) {
      if (!gone_[i]) shortened_[kept++] = shortened_[i];
    }
    shortened_.resize(kept);
    tree_.remove(gone_);
    mark_path();
  }

  // The next to go stands last.
  void order_cousins() {
    const std::vector<bool> failing = failing_subtrees(tree_);
    for (size_t i = 0; i < tree_.size(); ++i) {
      if (!on_path_[i]) cousins_.push_back(i);
    }
    std::sort(cousins_.begin(), cousins_.end(), [&](size_t a, size_t b) {
      if (failing[a] != failing[b]) return bool{failing[a]};
      if (tree_.depth(a) != tree_.depth(b)) return tree_.depth(a) < tree_.depth(b);
      return a < b;
    });
  }

  bool remove_next_cousin() {
    if (cousins_.empty()) return false;
    remove(cousins_.back());
    cousins_.pop_back();
    return true;
  }

  void fold_to_nodes() {
    while (path_.size() - folded_ > bounds_.nodes_max) fold_one();
  }

  // Only the nodes between the root and the origin.
  void fold_one() { remove(path_[++folded_]); }

  // Encodes what is left, marks included.
  bool fits() {
    ErrorTree left = tree_;
    left.set_truncated(0, root_after());
    if (gone_count_ != 0) left.remove(gone_);
    value_ = encoding_ == Encoding::Json ? encode_json(left) : encode_binary(left);
    return (encoding_ == Encoding::Json ? value_.size() : base64_size(value_.size())) <= bounds_.bytes_max;
  }

  void cut_message(size_t index, size_t bytes_max) {
    const std::string_view message = tree_.node(index).error;
    if (message.size() <= bytes_max) return;
    shortened_[index] = true;
    if (bytes_max == 0) return tree_.set_error(index, {});
    std::string shorter(base::first_characters(message, bytes_max - kDots.size()));
    shorter += kDots;
    tree_.set_error(index, shorter);
  }

  bool cut_all() {
    for (const size_t bytes_max : kFirstCuts) {
      for (size_t i = 0; i < tree_.size(); ++i) cut_message(i, bytes_max);
      if (fits()) return true;
    }
    return false;
  }

  bool remove_cousins() {
    while (remove_next_cousin()) {
      if (fits()) return true;
    }
    return false;
  }

  bool cut_but_origin() {
    compact_path();
    for (const size_t bytes_max : kLastCuts) {
      for (size_t i = 0; i + 1 < tree_.size(); ++i) cut_message(i, bytes_max);
      if (fits()) return true;
    }
    if (encoding_ == Encoding::Json) return false;
    for (size_t i = 0; i + 1 < tree_.size(); ++i) {
      if (tree_.node(i).operation.empty()) continue;
      tree_.set_operation(i, {});
      shortened_[i] = true;
    }
    return fits();
  }

  // From here on the tree is its failing path, the origin last.
  void compact_path() {
    compact();
    folded_ = 0;
    assert(path_.size() == tree_.size());
  }

  bool cut_origin() {
    for (const size_t bytes_max : kLastCuts) {
      cut_message(tree_.size() - 1, bytes_max);
      if (fits()) return true;
    }
    return false;
  }

  bool fold_path() {
    while (path_.size() - folded_ > kEnds) {
      fold_one();
      if (fits()) return true;
    }
    return false;
  }

  Truncated cut() const {
    Truncated cut = removed_;
    for (size_t i = 0; i < shortened_.size(); ++i) cut.messages += shortened_[i] && !gone_[i] ? 1 : 0;
    return cut;
  }

  Truncated root_after() const {
    const Truncated now = cut();
    return {root_before_.messages + now.messages, root_before_.nodes + now.nodes, root_before_.path + now.path};
  }

  ErrorTree& tree_;
  const Encoding encoding_;
  SendBounds bounds_;
  Truncated root_before_, removed_;
  std::vector<size_t> path_;  // indexes, the root's first
  std::vector<bool> on_path_, gone_, shortened_;
  std::vector<size_t> cousins_;  // in reverse of the order in which they go
  size_t gone_count_ = 0;
  size_t folded_ = 0;  // nodes of path_ behind the root that are gone
  std::string value_;
};

}  // namespace

std::optional<Fitted> encode_to_fit(ErrorTree tree, Encoding encoding, const SendBounds& bounds) {
  assert(!tree.empty());
  return Fitting(tree, encoding, bounds).run();
}

SendBounds within_grpc_trailers(SendBounds bounds, Encoding encoding, size_t own_trailers_bytes) {
  const size_t name_bytes = encoding == Encoding::Json ? kJsonNameBytes : kBinaryNameBytes;
  const size_t taken = kTrailersReserve + own_trailers_bytes + name_bytes + kFieldOverhead;
  const size_t room = taken >= kTrailersBytesMax ? 0 : kTrailersBytesMax - taken;
  if (room >= bounds.bytes_max) return bounds;
  bounds.bytes_max = room;
  bounds.path_only = true;
  return bounds;
}

}  // namespace backstitch::wire::error_tree
