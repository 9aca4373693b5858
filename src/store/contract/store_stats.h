// What a store keeps and what that costs, so that a user sees what the disk goes to: which attribute, which service.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace backstitch::store {

struct StoreTotals {
  uint64_t blocks = 0;  // files that hold spans
  uint64_t traces = 0;  // fragments
  uint64_t spans = 0;
  uint64_t disk_bytes = 0;  // of everything that the store has on disk
  uint64_t otlp_bytes = 0;  // of the same spans as they came

  bool operator==(const StoreTotals&) const = default;
};

// One column over all blocks: an attribute at one level and of one type, or a field that every span has.
struct ColumnStats {
  std::string name;           // "span.http.route (string)", "start"
  uint64_t stored_bytes = 0;  // on disk
  uint64_t raw_bytes = 0;     // the values without any encoding
  uint64_t values = 0;

  bool operator==(const ColumnStats&) const = default;
};

struct ServiceStats {
  std::string name;
  uint64_t spans = 0;

  bool operator==(const ServiceStats&) const = default;
};

// One way of encoding pages, over a part of the store: the newest.
struct CodecStats {
  std::string name;  // "integers: runs", "strings: templates"
  uint64_t pages = 0;
  uint64_t stored_bytes = 0;
  uint64_t raw_bytes = 0;

  bool operator==(const CodecStats&) const = default;
};

// Blocks of one size, as merging makes them.
struct LevelStats {
  std::string name;  // "fresh", "merged 2 times"
  uint64_t blocks = 0;
  uint64_t traces = 0;
  uint64_t spans = 0;
  uint64_t disk_bytes = 0;

  bool operator==(const LevelStats&) const = default;
};

// Lists are empty where a store cannot tell. Each name stands once in its list.
struct StoreStats {
  StoreTotals totals;
  std::vector<ColumnStats> columns;    // largest stored first, ties by name
  std::vector<ServiceStats> services;  // most spans first, ties by name
  std::vector<CodecStats> codecs;      // largest stored first, ties by name
  std::vector<LevelStats> levels;      // smallest blocks first

  bool operator==(const StoreStats&) const = default;
};

}  // namespace backstitch::store
