// The header fields of error trees and deadlines, which speak for one hop: read from requests and from answers, and
// written to requests (docs/spec/error-tree.md, "Names").
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backstitch/propagator.h"
#include "wire/error_tree/header.h"

namespace backstitch::sdk {

// What a request says. Texts are copies: they are asked for again when the answer is due.
struct RequestHeaders {
  std::optional<std::string> accept;  // of several fields one list
  std::optional<std::string> bypass;
  std::optional<std::chrono::nanoseconds> deadline;  // the first valid one
  uint32_t deadlines_refused = 0;
  uint32_t reserved_count = 0;  // fields that a caller must be trusted for
  bool takes_trailers = false;  // TE: trailers

  wire::error_tree::Caller caller(bool is_trusted, bool is_exposed) const {
    return {.is_trusted = is_trusted, .is_exposed = is_exposed, .accept = accept, .bypass = bypass};
  }
};
// Throws for memory, and what the carrier throws.
RequestHeaders read_request(const TextMapReader& carrier);

// What an answer brings; its values are borrowed from the carrier.
struct AnswerFields {
  std::vector<std::string_view> binary, json;

  bool empty() const { return binary.empty() && json.empty(); }
  wire::error_tree::AnswerHeaders headers(wire::error_tree::Protocol protocol) const {
    return {.protocol = protocol, .binary = binary, .json = json};
  }
};
AnswerFields read_answer(const TextMapReader& carrier);

}  // namespace backstitch::sdk
