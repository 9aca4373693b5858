// Takes one failure through both encodings, linked with nothing but wire/error_tree, the tree's value and three files
// of base; and holds writing and reading protobuf to its promise of three allocations.
#include <cstdio>
#include <string>
#include <string_view>

#include "base/counted_allocations_testing.h"
#include "wire/error_tree/binary.h"
#include "wire/error_tree/compose.h"
#include "wire/error_tree/deadline.h"
#include "wire/error_tree/header.h"
#include "wire/error_tree/json.h"
#include "wire/error_tree/shrink.h"

using namespace backstitch::wire::error_tree;
using backstitch::model::ErrorCode;
using backstitch::model::ErrorTree;

namespace {

ErrorTree compose_two_hops() {
  const auto callee = compose({.service = "service-e", .code = ErrorCode::from_http(403)}, {});
  const Attempt attempts[] = {{.service = "service-e", .code = ErrorCode::from_http(403), .tree = &*callee}};
  return *compose({.service = "service-b", .code = ErrorCode::from_http(404)}, attempts);
}

bool passes_both_encodings(const ErrorTree& tree) {
  const auto json = encode_to_fit(tree, Encoding::Json);
  const auto binary = encode_to_fit(tree, Encoding::Binary);
  if (!json || !binary) return false;
  const std::string header = to_header(binary->value);
  const std::string_view values[] = {header};
  const Answer answer = read_answer({.protocol = Protocol::Http, .binary = values, .json = {}});
  const auto from_json = decode_json(json->value);
  return from_json && from_json->tree == tree && answer.decoded && answer.decoded->tree == tree;
}

bool allocates_three_times(const ErrorTree& tree) {
  const size_t before = backstitch::base::allocations;
  const auto decoded = decode_binary(encode_binary(tree));
  return decoded && backstitch::base::allocations - before <= 3;
}

}  // namespace

int main() {
  const ErrorTree tree = compose_two_hops();
  const bool passes = passes_both_encodings(tree) && margin(std::chrono::milliseconds(100)).count() == 5'000'000;
  const bool is_cheap = allocates_three_times(tree);
  if (!passes) std::puts("error_tree_alone: what was written did not read back");
  if (!is_cheap) std::puts("error_tree_alone: protobuf cost more than three allocations");
  return passes && is_cheap ? 0 : 1;
}
