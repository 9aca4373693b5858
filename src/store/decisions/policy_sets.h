// Policy sets by number, each in a small file that never changes. Few and rarely asked: they are read when they are
// wanted.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/counters.h"
#include "base/file_system.h"
#include "base/result.h"
#include "model/decision.h"
#include "store/decisions/run_files.h"

namespace backstitch::store::decisions {

std::string encode_policy_set(const model::PolicySet& set);
// Corrupt for any bytes that encode_policy_set does not make.
base::Result<model::PolicySet> decode_policy_set(std::string_view bytes);

// That of a store's directory, also while another process has it open; changes nothing. NotFound, Corrupt, Io.
base::Result<model::PolicySet> read_policy_set(base::FileSystem& files, const std::string& directory, uint32_t number);

// One thread at a time. Outlived by `files` and `metrics`.
class PolicySets {
 public:
  // Reads the files that were found. One that is damaged is set aside and counted; its number is not given again.
  static base::Result<PolicySets> open(const RunFiles& files, const FilesFound& found, base::Metrics& metrics);

  // As in the contract.
  base::Result<uint32_t> add(const model::PolicySet& set);
  base::Result<model::PolicySet> find(uint32_t number) const;
  size_t size() const { return bytes_of_.size(); }
  uint64_t disk_bytes() const;

 private:
  PolicySets(const RunFiles& files, base::Metrics& metrics);
  base::Result<> forget_oldest();

  struct Known {
    uint64_t hash;
    size_t bytes;
  };
  const RunFiles* files_;
  base::Counter* damaged_;
  base::Counter* forgotten_;
  uint32_t highest_ = 0;
  std::map<uint32_t, Known> bytes_of_;
};

}  // namespace backstitch::store::decisions
