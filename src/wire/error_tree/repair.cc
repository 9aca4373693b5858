#include "wire/error_tree/repair.h"

#include "base/utf8.h"
#include "wire/error_tree/bounds.h"

namespace backstitch::wire::error_tree {

std::string_view Repairer::text(std::string_view raw, size_t bytes_max) {
  if (raw.size() <= bytes_max && base::is_utf8(raw)) [[likely]]
    return raw;
  return repaired_text(raw, bytes_max);
}

std::string_view Repairer::repaired_text(std::string_view raw, size_t bytes_max) {
  if (!base::is_utf8(raw)) {
    repairs_.add(Repair::TextReplaced);
    std::string& owned = owned_.emplace_front();
    base::append_utf8(raw, owned);
    raw = owned;
  }
  if (raw.size() > bytes_max) repairs_.add(Repair::TextCut);
  return base::first_characters(raw, bytes_max);
}

std::string_view Repairer::service(std::string_view raw) {
  const std::string_view name = text(raw, kServiceBytesMax);
  if (!name.empty()) return name;
  repairs_.add(Repair::ServiceReplaced);
  return kUnknownService;
}

model::ErrorCode Repairer::code(std::string_view raw) {
  if (!model::ErrorCode::is_code(raw)) repairs_.add(Repair::CodeReplaced);
  return model::ErrorCode::from_name(raw);
}

model::ErrorCode Repairer::code_number(uint64_t number) {
  if (number >= model::ErrorCode::kCanonicalCount) repairs_.add(Repair::CodeReplaced);
  return model::ErrorCode::from_number(number);
}

}  // namespace backstitch::wire::error_tree
