// What a block's index alone says about the spans of one service: most blocks and row groups of a search by service are
// passed over for it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "store/block/scan/block_condition.h"

namespace backstitch::store::block {

// The service that a span must have for the condition to hold; nothing where that cannot be told.
std::optional<std::string> service_of(const Condition& condition);
// Whether it holds for spans with status Error alone.
bool is_of_errors(const Condition& condition);

struct ServiceFacts {
  bool has_spans = true;     // possibly
  bool has_errors = true;    // likewise
  uint32_t first_group = 0;  // groups before it have no span of it
  std::vector<bool> names;   // by code of Name: whether it may have spans of that name; empty where that is unknown
};

ServiceFacts facts_of(const BlockIndex& index, const std::string& service);

}  // namespace backstitch::store::block
