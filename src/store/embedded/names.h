// The names that traces bring along: services with their operations, attributes with the values seen lately. Kept in
// memory, where every append looks; a row is written only when something is new.
//
// Values are counted as in the Space-Saving algorithm (Metwally et al. 2005): when an attribute's list is full, a new
// value takes the place of the rarest. Past kValuesCountedAll sightings one in kValueSampling is counted, so that a
// busy attribute costs little; counts are halved now and then, so that old values make room.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/counters.h"
#include "store/contract/trace_reader.h"
#include "store/embedded/outline.h"

namespace backstitch::store::embedded {

// Thread-safe.
class Names {
 public:
  static constexpr size_t kNameBytesMax = 256;  // longer service, operation and attribute names aren't listed
  static constexpr size_t kServicesMax = 10'000;
  static constexpr size_t kOperationsMax = 100'000;  // of all services
  static constexpr size_t kAttributesMax = 10'000;
  static constexpr size_t kValuesMax = 100;            // of one attribute
  static constexpr size_t kValueBytesMax = 256;        // longer values aren't listed
  static constexpr size_t kValuesBytesMax = 16 << 20;  // of all values together
  static constexpr uint32_t kValuesCountedAll = 1024;
  static constexpr uint32_t kValueSampling = 16;  // a power of two
  static constexpr uint32_t kValueCountMax = 1 << 16;
  static constexpr uint32_t kValueRowsEvery = 64;  // appends

  // A key and a value of the `names` column family.
  using Row = std::pair<std::string, std::string>;

  explicit Names(base::Metrics& metrics);

  // A row read at opening. False where it doesn't follow its format: it is then left out.
  bool load(std::string_view key, std::string_view value);
  void note(const Outline& outline);
  // What is to be written with an append: new names, and every kValueRowsEvery calls, or with `all_values`, the
  // changed values too.
  std::vector<Row> take_rows(bool all_values = false);
  // The write failed: they come again with the next take_rows.
  void give_back(std::vector<Row> rows);

  std::vector<std::string> services() const;
  std::vector<Operation> operations(const std::string& service) const;
  std::vector<AttributeName> attribute_names(uint32_t limit) const;
  std::vector<std::string> attribute_values(const AttributeName& name, uint32_t limit) const;

 private:
  struct SeenValue {
    uint64_t hash = 0;
    uint32_t count = 0;
    std::string text;
  };
  struct Attribute {
    AttributeName name;
    uint32_t sightings = 0;
    bool is_changed = false;  // since its row was written
    std::vector<SeenValue> values;
  };

  void note_operation(const SeenOperation& operation);
  bool add_operation(std::string_view service, Operation operation);
  void note_attribute(const SeenAttribute& seen);
  Attribute* add_attribute(AttributeName name);
  void note_value(Attribute& attribute, std::string_view text);
  void add_value(Attribute& attribute, SeenValue value);
  static std::string value_row(const Attribute& attribute);
  static std::string attribute_key(const AttributeName& name);

  base::Counter& long_names_;
  base::Counter& names_beyond_bound_;
  base::Counter& long_values_;
  base::Counter& values_beyond_bound_;

  mutable std::mutex mutex_;
  std::map<std::string, std::set<Operation>, std::less<>> operations_;  // by service
  size_t operation_count_ = 0;
  std::vector<Attribute> attributes_;
  // What was seen before is found by its 64-bit hash alone: among 110,000 names two share one once in 10^9 databases.
  absl::flat_hash_set<uint64_t> known_operations_;
  absl::flat_hash_map<uint64_t, uint32_t> known_attributes_;  // index
  size_t value_bytes_ = 0;
  std::vector<Row> new_rows_;
  uint32_t takes_ = 0;
};

}  // namespace backstitch::store::embedded
