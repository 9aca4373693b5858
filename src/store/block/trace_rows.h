// One sealed trace taken apart into rows: every field of every span as views into its bytes, in tree order. What the
// block writer then files column by column. Private to store/block.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "store/block/attribute_row.h"
#include "store/block/block_format.h"
#include "store/contract/trace_store.h"

namespace backstitch::store::block {

// Indices into TraceRows::attributes.
struct AttributeRange {
  uint32_t first = 0;
  uint32_t count = 0;
};

struct EventRow {
  uint64_t time = 0;
  std::string_view name;
  AttributeRange attributes;
  uint32_t dropped = 0;
  std::string_view rest;
};

struct LinkRow {
  std::string_view trace_id;  // 16 bytes
  std::string_view span_id;   // 8 bytes
  std::string_view trace_state;
  AttributeRange attributes;
  uint32_t dropped = 0;
  uint32_t flags = 0;
  std::string_view rest;
};

struct SpanRow {
  uint64_t id = 0;           // as it lies in memory
  uint64_t parent_id = 0;    // likewise; 0 where there is none
  uint32_t parent_back = 0;  // rows from the parent to here; 0 where it stands not before this span in the trace
  uint64_t start = 0;
  uint64_t end = 0;
  std::string_view name;
  std::string_view trace_state;
  std::string_view status_message;
  std::string_view rest;
  uint32_t kind = 0;
  uint32_t status = 0;
  uint32_t flags = 0;
  uint32_t dropped_attributes = 0;
  uint32_t dropped_events = 0;
  uint32_t dropped_links = 0;
  uint32_t resource = 0;  // index of TraceRows::resources
  uint32_t scope = 0;     // index of TraceRows::scopes
  AttributeRange attributes;
  uint32_t first_event = 0;
  uint32_t event_count = 0;
  uint32_t first_link = 0;
  uint32_t link_count = 0;
};

// Reused from trace to trace. Views point into the trace's bytes and into `made`.
struct TraceRows {
  std::vector<SpanRow> spans;  // parents before children, siblings by start, then id
  std::vector<AttributeRow> attributes;
  std::vector<EventRow> events;
  std::vector<LinkRow> links;
  std::vector<std::string_view> resources;
  std::vector<std::string_view> scopes;
  uint64_t start = 0;            // earliest
  std::deque<std::string> made;  // bytes that stand nowhere in one piece

  void clear();
};

// Events, links and attributes of one trace, together: an empty event is two bytes of OTLP, and some sixty here.
constexpr size_t kTraceRowsMax = size_t{1} << 22;

// Not thread-safe.
class TraceParser {
 public:
  // Malformed, naming the trace, or TooLarge beyond kTraceRowsMax; `rows` is then unspecified.
  base::Result<> parse(const SealedTrace& trace, TraceRows& rows);

 private:
  class Reader;
  void drop_repeats(std::vector<SpanRow>& spans);
  void sort_as_tree(TraceRows& rows);

  std::vector<std::string_view> scopes_at_hand_, events_at_hand_, links_at_hand_;
  absl::flat_hash_set<std::pair<uint64_t, uint32_t>> seen_;
  absl::flat_hash_map<uint64_t, uint32_t> by_id_;
  std::vector<SpanRow> sorted_;
  std::vector<uint32_t> first_child_, next_sibling_, place_, stack_;
};

}  // namespace backstitch::store::block
