// The names that a block brings along, and those of all blocks together: services with their operations, attributes.
// A name is listed as long as some block has it.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/counters.h"
#include "base/result.h"
#include "store/block/block.h"
#include "store/contract/trace_reader.h"

namespace backstitch::store::embedded {

struct ServiceOperations {
  std::string service;
  std::vector<Operation> operations;
};

// Each name once.
struct BlockNames {
  std::vector<ServiceOperations> services;
  std::vector<AttributeName> attributes;
};

// Reads the block's dictionaries of names, resources and scopes. Corrupt, Io.
base::Result<BlockNames> read_names(const block::Block& block);

// Thread-safe.
class Names {
 public:
  static constexpr size_t kNameBytesMax = 256;  // longer service, operation and attribute names aren't listed
  static constexpr size_t kServicesMax = 10'000;
  static constexpr size_t kOperationsMax = 100'000;  // of all services
  static constexpr size_t kAttributesMax = 10'000;

  explicit Names(base::Metrics& metrics);

  // `number` is the block's; it comes once.
  void add(uint64_t number, const BlockNames& names);
  void remove(uint64_t number);

  std::vector<std::string> services() const;
  std::vector<Operation> operations(const std::string& service) const;
  std::vector<AttributeName> attribute_names(uint32_t limit) const;

 private:
  using Count = uint32_t;  // of blocks that have the name
  struct Service {
    Count blocks = 0;
    std::map<Operation, Count> operations;
  };
  using Services = std::map<std::string, Service>;
  using Attributes = std::map<AttributeName, Count>;
  // What one block has a share in. A map's iterators stay.
  struct Share {
    std::vector<Services::iterator> services;
    std::vector<std::pair<Services::iterator, std::map<Operation, Count>::iterator>> operations;
    std::vector<Attributes::iterator> attributes;
  };

  void add_service(const ServiceOperations& names, Share& share);
  void add_attribute(const AttributeName& name, Share& share);
  bool is_short(const std::string& name);

  base::Counter& long_names_;
  base::Counter& names_beyond_bound_;

  mutable std::mutex mutex_;
  // All below guarded by mutex_.
  Services services_;
  size_t operation_count_ = 0;
  Attributes attributes_;
  std::map<uint64_t, Share> shares_;  // by number of the block
};

}  // namespace backstitch::store::embedded
