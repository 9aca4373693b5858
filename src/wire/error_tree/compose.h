// The tree that a service answers with: its own outcome above what its calls brought back (docs/spec/error-tree.md,
// "Composing").
//
//   const Attempt attempts[] = {{.service = "service-e", .code = …, .tree = &received}};
//   std::optional<model::ErrorTree> tree = compose({.service = "service-b", .code = …}, attempts);
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "model/error_tree.h"

namespace backstitch::wire::error_tree {

// How the service itself ended. Texts are borrowed for the call.
struct OwnOutcome {
  std::string_view service;
  std::string_view operation;
  model::ErrorCode code;
  std::string_view message;  // empty: the service set none
  model::SpanId span_id;
  std::chrono::nanoseconds duration{0};
};

// One attempt of one call, as its caller saw it. Texts and tree are borrowed for the call.
struct Attempt {
  uint64_t call = 0;                  // attempts of one call have the same number; 0: a call of its own
  std::chrono::nanoseconds start{0};  // on any clock, the same for all attempts
  std::string_view service;           // the name configured for the host that was called; empty: none is
  std::string_view address;           // host:port; the leaf's name where none is configured
  model::ErrorCode code;
  std::string_view message;
  model::SpanId span_id;  // of the client span
  std::chrono::nanoseconds duration{0};
  const model::ErrorTree* tree = nullptr;  // what the answer brought and trust let in; not empty
};

// Takes secrets out of a message.
using Redactor = std::function<std::string(std::string_view)>;

// Pure: equal inputs give equal trees, in whatever order attempts with different starts are given. Nothing where
// nothing failed. The tree is not yet made to fit. Cost O(attempts × log + nodes).
std::optional<model::ErrorTree> compose(const OwnOutcome& own, std::span<const Attempt> attempts,
                                        const Redactor& redact = {});

}  // namespace backstitch::wire::error_tree
