// Random error trees, for tests and fuzz targets: any shape, any mix of codes, hostile texts.
#pragma once

#include <string>

#include "base/random.h"
#include "model/error_tree.h"
#include "wire/error_tree/bounds.h"

namespace backstitch::wire::error_tree {

inline std::string random_text(base::Random& random, size_t bytes_max) {
  static constexpr std::string_view kPieces[] = {"a",    "service", " ", "\"", "\\",   "\n",
                                                 "\r\n", "é",       "€", "😀", "\x7f", "/"};
  std::string text;
  const size_t bytes = random.below(bytes_max + 1);
  while (text.size() + 4 <= bytes) text += kPieces[random.below(std::size(kPieces))];
  while (text.size() > bytes_max) text.clear();
  return text;
}

inline model::ErrorCode random_code(base::Random& random, double failing) {
  if (!random.chance(failing)) return {};
  if (random.chance(0.1)) return model::ErrorCode::from_name("payment.declined");
  return model::ErrorCode::from_number(1 + random.below(model::ErrorCode::kCanonicalCount - 1));
}

// Only what JSON carries where `all_fields` is false.
inline model::ErrorNode random_node(base::Random& random, double failing, bool all_fields) {
  model::ErrorNode node;
  node.code = random_code(random, failing);
  node.swallowed = random.chance(0.1);
  node.observed = random.chance(0.2) ? model::Observed::ByCaller : model::Observed::ByCallee;
  node.count = random.chance(0.2) ? static_cast<uint32_t>(1 + random.below(5)) : 1;
  if (random.chance(0.1))
    node.truncated = {static_cast<uint32_t>(random.below(3)), static_cast<uint32_t>(random.below(300)), 1};
  if (!all_fields) return node;
  node.duration = std::chrono::nanoseconds(random.below(1'000'000'000));
  for (uint8_t& byte : node.span_id.bytes) byte = static_cast<uint8_t>(1 + random.below(255));
  if (random.chance(0.2)) node.other_code = random_code(random, 0.7);
  return node;
}

struct RandomTreeOptions {
  size_t nodes_max = 40;
  size_t levels_max = 20;
  size_t text_bytes_max = 100;
  bool all_fields = true;
};

inline model::ErrorTree random_tree(base::Random& random, const RandomTreeOptions& options = {}) {
  model::ErrorTree tree;
  const size_t nodes = 1 + random.below(options.nodes_max);
  const double failing = random.unit();
  const double deeper = random.unit();
  for (size_t i = 0; i < nodes; ++i) {
    model::ErrorNode node = random_node(random, failing, options.all_fields);
    const std::string service = "s" + random_text(random, std::min(options.text_bytes_max, kServiceBytesMax - 1));
    const std::string error = random_text(random, std::min(options.text_bytes_max, kErrorBytesMax));
    const std::string operation = random_text(random, std::min(options.text_bytes_max, kOperationBytesMax));
    node.service = service;
    node.error = error;
    if (options.all_fields) node.operation = operation;
    if (i > 0) {
      const size_t deepest = std::min<size_t>(tree.depth(i - 1) + 1u, options.levels_max - 1);
      node.depth = static_cast<uint16_t>(random.chance(deeper) ? deepest : 1 + random.below(deepest));
    }
    tree.add(node);
  }
  return tree;
}

}  // namespace backstitch::wire::error_tree
