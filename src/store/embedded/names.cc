#include "store/embedded/names.h"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>
#include <variant>
#include <xxhash.h>

#include "model/value.h"
#include "wire/otlp/visit.h"

namespace backstitch::store::embedded {
namespace {

constexpr char kOperationRow = 'o';
constexpr char kAttributeRow = 'a';

uint64_t hash_of(std::string_view text, uint64_t seed) { return XXH3_64bits_withSeed(text.data(), text.size(), seed); }

uint64_t hash_of(std::string_view service, std::string_view operation, model::SpanKind kind) {
  return hash_of(operation, hash_of(service, static_cast<uint64_t>(kind)));
}

uint64_t hash_of(model::AttributeLevel level, std::string_view key) {
  return hash_of(key, static_cast<uint64_t>(level));
}

std::string operation_key(std::string_view service, const Operation& operation) {
  std::string key(1, kOperationRow);
  put_text(service, key);
  key += static_cast<char>(operation.kind);
  key += operation.name;
  return key;
}

base::Counter& dropped(base::Metrics& metrics, const char* reason) {
  return metrics.counter("backstitch_store_names_dropped", "Sightings of names and values that are not listed",
                         {{"reason", reason}});
}

}  // namespace

Names::Names(base::Metrics& metrics)
    : long_names_(dropped(metrics, "name_too_long")),
      names_beyond_bound_(dropped(metrics, "too_many_names")),
      long_values_(dropped(metrics, "value_too_long")),
      values_beyond_bound_(dropped(metrics, "too_many_values")) {}

bool Names::load(std::string_view key, std::string_view value) {
  const std::lock_guard lock(mutex_);
  if (key.size() < 2) return false;
  const char kind_of_row = key[0];
  key.remove_prefix(1);
  if (kind_of_row == kOperationRow) {
    std::string_view service;
    if (!take_text(key, service) || key.empty()) return false;
    const auto kind = static_cast<model::SpanKind>(key[0]);
    if (kind > model::SpanKind::Consumer) return false;
    return add_operation(service, {std::string(key.substr(1)), kind});
  }
  const auto level = static_cast<model::AttributeLevel>(key[0]);
  if (kind_of_row != kAttributeRow || level > model::AttributeLevel::Link) return false;
  Attribute* attribute = add_attribute({level, std::string(key.substr(1))});
  while (attribute != nullptr && !value.empty()) {
    uint64_t count = 0;
    std::string_view text;
    if (!take_varint(value, count) || !take_text(value, text)) return false;
    add_value(*attribute,
              {hash_of(text, 0), static_cast<uint32_t>(std::min<uint64_t>(count, kValueCountMax)), std::string(text)});
  }
  return attribute != nullptr;
}

void Names::note(const Outline& outline) {
  const std::lock_guard lock(mutex_);
  for (const SeenOperation& operation : outline.operations) note_operation(operation);
  for (const SeenAttribute& attribute : outline.attributes) note_attribute(attribute);
}

void Names::note_operation(const SeenOperation& operation) {
  if (known_operations_.contains(hash_of(operation.service, operation.name, operation.kind))) return;
  const Operation added{std::string(operation.name), operation.kind};
  if (add_operation(operation.service, added)) new_rows_.emplace_back(operation_key(operation.service, added), "");
}

bool Names::add_operation(std::string_view service, Operation operation) {
  if (service.size() > kNameBytesMax || operation.name.size() > kNameBytesMax) {
    long_names_.add();
    return false;
  }
  auto of_service = operations_.find(service);
  const bool is_full =
      operation_count_ == kOperationsMax || (of_service == operations_.end() && operations_.size() == kServicesMax);
  if (is_full) {
    names_beyond_bound_.add();
    return false;
  }
  known_operations_.insert(hash_of(service, operation.name, operation.kind));
  if (of_service == operations_.end()) of_service = operations_.try_emplace(std::string(service)).first;
  operation_count_ += of_service->second.insert(std::move(operation)).second ? 1 : 0;
  return true;
}

void Names::note_attribute(const SeenAttribute& seen) {
  const auto known = known_attributes_.find(hash_of(seen.level, seen.key));
  Attribute* attribute = nullptr;
  if (known != known_attributes_.end()) {
    attribute = &attributes_[known->second];
  } else {
    attribute = add_attribute({seen.level, std::string(seen.key)});
    if (attribute == nullptr) return;
    new_rows_.emplace_back(attribute_key(attribute->name), "");
  }
  if (++attribute->sightings > kValuesCountedAll && attribute->sightings % kValueSampling != 0) return;
  const auto scalar = wire::otlp::scalar_of(seen.any_value);
  if (!scalar) return;
  if (const auto* text = std::get_if<std::string_view>(&*scalar)) {
    note_value(*attribute, *text);
  } else if (!std::holds_alternative<std::monostate>(*scalar)) {
    note_value(*attribute, wire::otlp::text_of(seen.any_value));
  }
}

Names::Attribute* Names::add_attribute(AttributeName name) {
  if (name.name.size() > kNameBytesMax) {
    long_names_.add();
    return nullptr;
  }
  if (attributes_.size() == kAttributesMax) {
    names_beyond_bound_.add();
    return nullptr;
  }
  known_attributes_.emplace(hash_of(name.level, name.name), static_cast<uint32_t>(attributes_.size()));
  Attribute& added = attributes_.emplace_back();
  added.name = std::move(name);
  return &added;
}

void Names::note_value(Attribute& attribute, std::string_view text) {
  if (text.size() > kValueBytesMax) {
    long_values_.add();
    return;
  }
  attribute.is_changed = true;
  const uint64_t hash = hash_of(text, 0);
  const auto known = std::ranges::find(attribute.values, hash, &SeenValue::hash);
  if (known == attribute.values.end()) {
    add_value(attribute, {hash, 1, std::string(text)});
  } else if (++known->count >= kValueCountMax) {
    for (SeenValue& value : attribute.values) value.count = (value.count + 1) / 2;
  }
}

void Names::add_value(Attribute& attribute, SeenValue value) {
  if (attribute.values.size() < kValuesMax && value_bytes_ + value.text.size() <= kValuesBytesMax) {
    value_bytes_ += value.text.size();
    attribute.values.push_back(std::move(value));
    return;
  }
  values_beyond_bound_.add();
  if (attribute.values.empty()) return;
  SeenValue& rarest = *std::ranges::min_element(attribute.values, std::less(), &SeenValue::count);
  value_bytes_ = value_bytes_ - rarest.text.size() + value.text.size();
  value.count += rarest.count;
  rarest = std::move(value);
}

std::string Names::attribute_key(const AttributeName& name) {
  std::string key(1, kAttributeRow);
  key += static_cast<char>(name.level);
  key += name.name;
  return key;
}

std::string Names::value_row(const Attribute& attribute) {
  std::string row;
  for (const SeenValue& value : attribute.values) {
    put_varint(value.count, row);
    put_text(value.text, row);
  }
  return row;
}

std::vector<Names::Row> Names::take_rows(bool all_values) {
  const std::lock_guard lock(mutex_);
  std::vector<Row> rows = std::move(new_rows_);
  new_rows_.clear();
  if (++takes_ % kValueRowsEvery != 0 && !all_values) return rows;
  for (Attribute& attribute : attributes_) {
    if (attribute.is_changed) rows.emplace_back(attribute_key(attribute.name), value_row(attribute));
    attribute.is_changed = false;
  }
  return rows;
}

void Names::give_back(std::vector<Row> rows) {
  const std::lock_guard lock(mutex_);
  // In front of what is newer.
  rows.insert(rows.end(), std::make_move_iterator(new_rows_.begin()), std::make_move_iterator(new_rows_.end()));
  new_rows_ = std::move(rows);
}

std::vector<std::string> Names::services() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [service, operations] : operations_) names.push_back(service);
  return names;
}

std::vector<Operation> Names::operations(const std::string& service) const {
  const std::lock_guard lock(mutex_);
  std::set<Operation> found;
  for (const auto& [of, operations] : operations_) {
    if (service.empty() || of == service) found.insert(operations.begin(), operations.end());
  }
  return {found.begin(), found.end()};
}

std::vector<AttributeName> Names::attribute_names(uint32_t limit) const {
  const std::lock_guard lock(mutex_);
  std::vector<AttributeName> names;
  for (const Attribute& attribute : attributes_) names.push_back(attribute.name);
  std::ranges::sort(names);
  if (names.size() > limit) names.resize(limit);
  return names;
}

std::vector<std::string> Names::attribute_values(const AttributeName& name, uint32_t limit) const {
  const std::lock_guard lock(mutex_);
  const auto known = known_attributes_.find(hash_of(name.level, name.name));
  if (known == known_attributes_.end()) return {};
  std::vector<std::pair<int64_t, std::string>> most_frequent_first;
  for (const SeenValue& value : attributes_[known->second].values) {
    most_frequent_first.emplace_back(-int64_t{value.count}, value.text);
  }
  std::ranges::sort(most_frequent_first);
  std::vector<std::string> values;
  for (auto& [negative_count, text] : most_frequent_first) {
    if (values.size() == limit) break;
    values.push_back(std::move(text));
  }
  return values;
}

}  // namespace backstitch::store::embedded
