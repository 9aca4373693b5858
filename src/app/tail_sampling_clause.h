// What a policy asks of a trace, in words: "take longer than 2s". Put behind "traces that".
#pragma once

#include <string>
#include <vector>

#include "sample/policy.h"

namespace backstitch::app {

// "" where every trace fits.
std::string policy_clause(const sample::Rule& rule);

// "keeps traces that take longer than 2s", "drops traces that …".
std::string policy_sentence(const sample::Policy& policy);

// "a, b or c".
std::string listed(const std::vector<std::string>& items, std::string_view last = "or");

// Spans per second that the policy of a composite may keep: its percent, or an equal share.
int64_t composite_allocation(const sample::Composite& rule, size_t index);

// 1.50 → "1.5".
std::string number_text(double number);

}  // namespace backstitch::app
