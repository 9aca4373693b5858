// A batch of decisions as the payload of a log record of kind Decision; docs/formats/decisions.md has the grammar.
//
//   log.append({.kind = RecordKind::Decision}, "", encode_decisions(batch));
//   Result<DecisionBatch> again = decode_decisions(record.payload);   // at replay
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "model/decision.h"

namespace backstitch::model {

inline constexpr uint32_t kDecisionBatchMax = 1 << 20;  // decisions, and late spans likewise

// About 35 bytes a decision. Times and durations as as_kept() has them. At most kDecisionBatchMax of each (asserted).
std::string encode_decisions(const DecisionBatch& batch);

// Malformed, with the offset, where `bytes` are none that encode_decisions makes; Unsupported for another version;
// TooLarge above kDecisionBatchMax. Allocates no more than a fixed multiple of bytes.size().
base::Result<DecisionBatch> decode_decisions(std::string_view bytes);

}  // namespace backstitch::model
