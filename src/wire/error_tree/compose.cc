#include "wire/error_tree/compose.h"

#include <algorithm>
#include <cassert>
#include <unordered_map>
#include <vector>

#include "base/utf8.h"
#include "wire/error_tree/bounds.h"

namespace backstitch::wire::error_tree {
namespace {

using model::ErrorCode;
using model::ErrorNode;
using model::ErrorTree;
using model::Observed;

// Texts of our own service: as a reader would repair them.
std::string bounded(std::string_view text, size_t bytes_max) {
  if (text.size() <= bytes_max && base::is_utf8(text)) return std::string(text);
  std::string repaired;
  base::append_utf8(text, repaired);
  repaired.resize(base::first_characters(repaired, bytes_max).size());
  return repaired;
}

std::string service_name(std::string_view name) {
  std::string service = bounded(name, kServiceBytesMax);
  return service.empty() ? kUnknownService : service;
}

std::string origin_message(std::string_view service) { return "an error occurred in service " + std::string(service); }

std::string redacted(std::string_view message, const Redactor& redact) {
  return redact ? redact(message) : std::string(message);
}

bool does_fail(const Attempt& attempt) {
  return !attempt.code.is_ok() || (attempt.tree != nullptr && attempt.tree->is_failing(0));
}

// One call: the attempt that decided, how many there were, and when the first began.
struct Call {
  const Attempt* decided;
  uint32_t count;
  std::chrono::nanoseconds start;
};

// Called in order of start: the first that does not fail decides, or the last.
void fold(Call& call, const Attempt& attempt) {
  ++call.count;
  if (does_fail(*call.decided)) call.decided = &attempt;
}

std::vector<Call> fold_attempts(std::span<const Attempt> attempts) {
  std::vector<const Attempt*> by_start;
  by_start.reserve(attempts.size());
  for (const Attempt& attempt : attempts) by_start.push_back(&attempt);
  std::stable_sort(by_start.begin(), by_start.end(),
                   [](const Attempt* a, const Attempt* b) { return a->start < b->start; });
  std::vector<Call> calls;
  std::unordered_map<uint64_t, size_t> known;
  for (const Attempt* attempt : by_start) {
    if (attempt->call != 0) {
      const auto [at, is_new] = known.try_emplace(attempt->call, calls.size());
      if (!is_new) {
        fold(calls[at->second], *attempt);
        continue;
      }
    }
    calls.push_back({attempt, 1, attempt->start});
  }
  return calls;
}

ErrorTree leaf(const Attempt& attempt, const Redactor& redact) {
  const std::string service = service_name(attempt.service.empty() ? attempt.address : attempt.service);
  std::string message;
  if (!attempt.code.is_ok()) {
    message = redacted(attempt.message, redact);
    if (message.empty()) message = origin_message(service);
    message = bounded(message, kErrorBytesMax);
  }
  ErrorTree tree;
  tree.add({.service = service,
            .code = attempt.code,
            .error = message,
            .observed = attempt.code.is_ok() ? Observed::ByCallee : Observed::ByCaller,
            .duration = attempt.duration,
            .span_id = attempt.span_id});
  return tree;
}

// The callee said that it succeeded; what the caller saw, a stream that broke half way, counts.
void overrule(ErrorTree& tree, const Attempt& attempt, const Redactor& redact) {
  const ErrorTree seen = leaf(attempt, redact);
  tree.set_other_code(0, tree.node(0).code);
  tree.set_code(0, attempt.code);
  tree.set_error(0, attempt.message.empty() ? origin_message(tree.node(0).service) : std::string(seen.node(0).error));
  tree.set_observed(0, Observed::ByCaller);
  tree.set_swallowed(0, false);
  tree.set_duration(0, attempt.duration);
  tree.set_span_id(0, attempt.span_id);
}

void mark_claim(ErrorTree& tree, const Attempt& attempt) {
  tree.set_claimed_by(0, {});
  if (attempt.service.empty() || tree.node(0).service == attempt.service) return;
  const std::string expected = service_name(attempt.service);
  if (tree.is_failing(0)) {
    const std::string message = "[CLAIMED BY: " + expected + "] " + std::string(tree.node(0).error);
    tree.set_error(0, bounded(message, kErrorBytesMax));
  }
  tree.set_claimed_by(0, expected);
}

// The root of a copy of what came, with the caller's side of the call.
ErrorTree received(const Attempt& attempt, const Redactor& redact) {
  assert(!attempt.tree->empty());
  ErrorTree tree = *attempt.tree;
  tree.set_observed(0, Observed::ByCallee);
  tree.set_other_code(0, std::nullopt);
  if (!tree.is_failing(0) && !attempt.code.is_ok()) {
    overrule(tree, attempt, redact);
  } else if (tree.is_failing(0) && !tree.node(0).code.is_seen_as(attempt.code)) {
    tree.set_other_code(0, attempt.code);
  }
  mark_claim(tree, attempt);
  return tree;
}

enum class Ends { Failing, Hiding, Clean };

struct Child {
  ErrorTree tree;
  Ends ends;
};

Child make_child(const Call& call, const Redactor& redact) {
  const Attempt& attempt = *call.decided;
  Child child{attempt.tree == nullptr ? leaf(attempt, redact) : received(attempt, redact), Ends::Clean};
  child.tree.set_count(0, call.count);
  if (child.tree.is_failing(0)) {
    child.ends = Ends::Failing;
  } else if (failing_subtrees(child.tree)[0]) {
    child.ends = Ends::Hiding;
  } else if (child.tree.size() > 1) {
    std::vector<bool> gone(child.tree.size(), true);
    gone[0] = false;
    child.tree.remove(gone);
  }
  return child;
}

void add_children(const std::vector<Child>& children, bool with_context, ErrorTree& tree) {
  model::Truncated left_out;
  size_t context = 0;
  for (const Child& child : children) {
    if (child.ends == Ends::Clean && !with_context) continue;
    const bool is_beyond = child.ends == Ends::Clean && ++context > kContextMax;
    if (is_beyond || tree.size() + child.tree.size() > kComposedNodesMax) {
      left_out.nodes += static_cast<uint32_t>(child.tree.size());
    } else {
      tree.add_below_root(child.tree);
    }
  }
  tree.set_truncated(0, left_out);
}

std::string default_message(const ErrorTree& tree) {
  const std::vector<size_t> path = failing_path(tree);
  if (path.size() < 2) return origin_message(tree.node(0).service);
  return "an upstream dependency failed in service " + std::string(tree.node(path[path.size() - 2]).service);
}

std::string own_message(const ErrorTree& tree, std::string_view message, const Redactor& redact) {
  std::string text = message.empty() ? std::string() : redacted(message, redact);
  if (text.empty()) text = default_message(tree);
  const auto failing = first_failing_child(tree);
  if (!failing || tree.node(*failing).code == tree.node(0).code) return text;
  std::string drift = "[DRIFT: ";
  drift += tree.node(*failing).code.name();
  drift += " -> ";
  drift += tree.node(0).code.name();
  return drift + "] " + text;
}

}  // namespace

std::optional<ErrorTree> compose(const OwnOutcome& own, std::span<const Attempt> attempts, const Redactor& redact) {
  std::vector<Child> children;
  for (const Call& call : fold_attempts(attempts)) children.push_back(make_child(call, redact));
  const auto ends_as = [&](Ends ends) {
    return std::any_of(children.begin(), children.end(), [&](const Child& child) { return child.ends == ends; });
  };
  const bool has_failing = ends_as(Ends::Failing);
  if (own.code.is_ok() && !has_failing && !ends_as(Ends::Hiding)) return std::nullopt;

  ErrorTree tree;
  tree.add({.service = service_name(own.service),
            .operation = bounded(own.operation, kOperationBytesMax),
            .code = own.code,
            .swallowed = own.code.is_ok() && has_failing,
            .duration = own.duration,
            .span_id = own.span_id});
  add_children(children, has_failing, tree);
  if (!own.code.is_ok()) tree.set_error(0, bounded(own_message(tree, own.message, redact), kErrorBytesMax));
  return tree;
}

}  // namespace backstitch::wire::error_tree
