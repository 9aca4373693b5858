// What both decoders make of values that are wrong without being senseless: the same in JSON and in protobuf.
#pragma once

#include <forward_list>
#include <string>
#include <string_view>

#include "wire/error_tree/verdict.h"

namespace backstitch::wire::error_tree {

// Counts each repair. What it returns is valid as long as it and its argument are.
class Repairer {
 public:
  explicit Repairer(Repairs& repairs) : repairs_(repairs) {}

  // UTF-8 of at most `bytes_max` bytes.
  std::string_view text(std::string_view raw, size_t bytes_max);
  // As text(); `unknown_service` where empty.
  std::string_view service(std::string_view raw);
  model::ErrorCode code(std::string_view raw);
  model::ErrorCode code_number(uint64_t number);
  void add(Repair repair) { repairs_.add(repair); }

 private:
  std::string_view repaired_text(std::string_view raw, size_t bytes_max);

  Repairs& repairs_;
  std::forward_list<std::string> owned_;  // most values need no repair, and then it allocates nothing
};

}  // namespace backstitch::wire::error_tree
