#include "store/embedded/block_names.h"

#include <absl/container/flat_hash_map.h>
#include <algorithm>
#include <set>

#include "store/embedded/block_attributes.h"

namespace backstitch::store::embedded {
namespace {

using base::Result;
using block::Block;
using block::Field;

Result<> read_operations(const Block& block, BlockNames& names) {
  const block::BlockIndex& index = block.index();
  for (const block::ServiceSpans& service : index.services) names.services.push_back({service.service, {}});
  absl::flat_hash_map<uint64_t, std::vector<std::pair<uint32_t, uint8_t>>> wanted;  // name's code → service, kind
  for (const block::ServiceOperation& operation : index.operations) {
    if (operation.service < names.services.size()) {
      wanted[operation.name].emplace_back(operation.service, operation.kind);
    }
  }
  const block::ColumnIndex* const column = index.find(Field::Name);
  if (column == nullptr) return {};
  return for_each_text(block, *column, [&](uint64_t code, std::string_view text) {
    const auto found = wanted.find(code);
    if (found == wanted.end()) return;
    for (const auto& [service, kind] : found->second) {
      constexpr auto last = static_cast<uint8_t>(model::SpanKind::Consumer);
      const auto known = kind <= last ? static_cast<model::SpanKind>(kind) : model::SpanKind::Unspecified;
      names.services[service].operations.push_back({std::string(text), known});
    }
  });
}

Result<> read_attributes(const Block& block, BlockNames& names) {
  std::set<AttributeName> seen;
  for (const block::ColumnIndex& column : block.index().columns) {
    if (column.id.field != Field::Attribute || column.id.type == block::ValueType::KeyValue) continue;
    seen.insert({column.id.level, column.id.key});
  }
  for (const Field field : {Field::Resource, Field::Scope}) {
    auto read = for_each_owner_attribute(block, field, [&](uint64_t, const OwnerAttribute& attribute) {
      seen.insert({attribute.level, std::string(attribute.key)});
    });
    if (!read) return read;
  }
  names.attributes.assign(seen.begin(), seen.end());
  return {};
}

}  // namespace

Result<BlockNames> read_names(const Block& block) {
  BlockNames names;
  if (auto read = read_operations(block, names); !read) return std::unexpected(read.error());
  if (auto read = read_attributes(block, names); !read) return std::unexpected(read.error());
  for (ServiceOperations& service : names.services) {  // numbers of kinds that nobody knows are one kind
    std::ranges::sort(service.operations);
    const auto repeats = std::ranges::unique(service.operations);
    service.operations.erase(repeats.begin(), repeats.end());
  }
  return names;
}

Names::Names(base::Metrics& metrics)
    : long_names_(metrics.counter("backstitch_store_names_dropped", "Names that are not listed, by block",
                                  {{"reason", "too_long"}})),
      names_beyond_bound_(metrics.counter("backstitch_store_names_dropped", "Names that are not listed, by block",
                                          {{"reason", "too_many"}})) {}

void Names::add(uint64_t number, const BlockNames& names) {
  const std::lock_guard lock(mutex_);
  Share& share = shares_[number];
  for (const ServiceOperations& service : names.services) add_service(service, share);
  for (const AttributeName& name : names.attributes) add_attribute(name, share);
}

bool Names::is_short(const std::string& name) {
  if (name.size() <= kNameBytesMax) return true;
  long_names_.add();
  return false;
}

void Names::add_service(const ServiceOperations& names, Share& share) {
  if (!is_short(names.service)) return;
  auto service = services_.find(names.service);
  if (service == services_.end()) {
    if (services_.size() == kServicesMax) return names_beyond_bound_.add();
    service = services_.emplace(names.service, Service()).first;
  }
  ++service->second.blocks;
  share.services.push_back(service);
  for (const Operation& name : names.operations) {
    if (!is_short(name.name)) continue;
    auto& operations = service->second.operations;
    auto operation = operations.find(name);
    if (operation == operations.end()) {
      if (operation_count_ == kOperationsMax) {
        names_beyond_bound_.add();
        continue;
      }
      operation = operations.emplace(name, 0).first;
      ++operation_count_;
    }
    ++operation->second;
    share.operations.emplace_back(service, operation);
  }
}

void Names::add_attribute(const AttributeName& name, Share& share) {
  if (!is_short(name.name)) return;
  auto attribute = attributes_.find(name);
  if (attribute == attributes_.end()) {
    if (attributes_.size() == kAttributesMax) return names_beyond_bound_.add();
    attribute = attributes_.emplace(name, 0).first;
  }
  ++attribute->second;
  share.attributes.push_back(attribute);
}

void Names::remove(uint64_t number) {
  const std::lock_guard lock(mutex_);
  const auto found = shares_.find(number);
  if (found == shares_.end()) return;
  for (const auto& [service, operation] : found->second.operations) {
    if (--operation->second != 0) continue;
    service->second.operations.erase(operation);
    --operation_count_;
  }
  for (const auto& service : found->second.services) {
    if (--service->second.blocks == 0) services_.erase(service);
  }
  for (const auto& attribute : found->second.attributes) {
    if (--attribute->second == 0) attributes_.erase(attribute);
  }
  shares_.erase(found);
}

std::vector<std::string> Names::services() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [name, service] : services_) names.push_back(name);
  return names;
}

std::vector<Operation> Names::operations(const std::string& service) const {
  const std::lock_guard lock(mutex_);
  std::set<Operation> found;
  const auto take = [&](const Service& one) {
    for (const auto& [operation, count] : one.operations) found.insert(operation);
  };
  if (service.empty()) {
    for (const auto& [name, one] : services_) take(one);
  } else if (const auto at = services_.find(service); at != services_.end()) {
    take(at->second);
  }
  return {found.begin(), found.end()};
}

std::vector<AttributeName> Names::attribute_names(uint32_t limit) const {
  const std::lock_guard lock(mutex_);
  std::vector<AttributeName> names;
  for (const auto& [name, count] : attributes_) {
    if (names.size() == limit) break;
    names.push_back(name);
  }
  return names;
}

}  // namespace backstitch::store::embedded
