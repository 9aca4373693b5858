#include "store/decisions/policy_sets.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <optional>
#include <xxhash.h>

#include "base/crc32c.h"
#include "store/contract/decision_store.h"

namespace backstitch::store::decisions {
namespace {

using base::Errc;
using base::fail;
using base::Result;

constexpr std::string_view kHeader = "backstitch policies 1\n";
constexpr size_t kChecksumBytes = 4;
constexpr size_t kFileBytesMax = DecisionStore::kPolicySetBytesMax + 4096;

void put_text(std::string_view text, std::string& out) {
  const auto size = static_cast<uint32_t>(text.size());
  out.append(reinterpret_cast<const char*>(&size), sizeof(size)).append(text);
}

// Nothing where it is cut off.
std::optional<std::string> take_text(std::string_view& rest) {
  uint32_t size = 0;
  if (rest.size() < sizeof(size)) return std::nullopt;
  std::memcpy(&size, rest.data(), sizeof(size));
  rest.remove_prefix(sizeof(size));
  if (rest.size() < size) return std::nullopt;
  std::string text(rest.substr(0, size));
  rest.remove_prefix(size);
  return text;
}

}  // namespace

std::string encode_policy_set(const model::PolicySet& set) {
  std::string out(kHeader);
  put_text(set.text, out);
  for (const std::string& name : set.names) put_text(name, out);
  const uint32_t checksum = base::crc32c(out);
  return out.append(reinterpret_cast<const char*>(&checksum), sizeof(checksum));
}

Result<model::PolicySet> decode_policy_set(std::string_view bytes) {
  uint32_t checksum = 0;
  if (!bytes.starts_with(kHeader) || bytes.size() < kHeader.size() + kChecksumBytes) {
    return fail(Errc::Corrupt, "this is no policy set of version 1");
  }
  std::string_view rest = bytes.substr(0, bytes.size() - kChecksumBytes);
  std::memcpy(&checksum, bytes.data() + rest.size(), kChecksumBytes);
  if (checksum != base::crc32c(rest)) return fail(Errc::Corrupt, "a policy set fails its checksum");
  rest.remove_prefix(kHeader.size());
  auto text = take_text(rest);
  if (!text) return fail(Errc::Corrupt, "a policy set ends early");
  model::PolicySet set{.names = {}, .text = std::move(*text)};
  while (!rest.empty()) {
    auto name = take_text(rest);
    if (!name) return fail(Errc::Corrupt, "a policy set ends early");
    set.names.push_back(std::move(*name));
  }
  return set;
}

Result<model::PolicySet> read_policy_set(base::FileSystem& files, const std::string& directory, uint32_t number) {
  const auto file = files.open(directory + "/" + policies_name(number), base::OpenMode::ReadOnly);
  if (!file) return std::unexpected(file.error());
  const auto size = (*file)->size();
  if (!size) return std::unexpected(size.error());
  if (*size > kFileBytesMax) return fail(Errc::Corrupt, "a policy set is too large");
  std::string bytes(*size, '\0');
  const auto read = (*file)->read_at(0, bytes.data(), bytes.size());
  if (!read) return std::unexpected(read.error());
  bytes.resize(*read);
  return decode_policy_set(bytes);
}

PolicySets::PolicySets(const RunFiles& files, base::Metrics& metrics)
    : files_(&files),
      damaged_(&metrics.counter("backstitch_decision_policy_sets_damaged", "Policy sets that could not be read")),
      forgotten_(
          &metrics.counter("backstitch_decision_policy_sets_forgotten", "Policy sets that made room for newer ones")) {}

Result<PolicySets> PolicySets::open(const RunFiles& files, const FilesFound& found, base::Metrics& metrics) {
  PolicySets sets(files, metrics);
  sets.highest_ = found.highest_policy_set;
  for (const uint32_t number : found.policy_sets) {
    const std::string name = policies_name(number);
    const auto bytes = files.read_small(name, kFileBytesMax);
    if (!bytes && bytes.error().code != Errc::TooLarge) return std::unexpected(bytes.error());
    if (bytes && decode_policy_set(*bytes)) {
      sets.bytes_of_[number] = {XXH3_64bits(bytes->data(), bytes->size()), bytes->size()};
      continue;
    }
    sets.damaged_->add();
    if (auto aside = files.set_aside(name); !aside) return std::unexpected(aside.error());
  }
  return sets;
}

Result<uint32_t> PolicySets::add(const model::PolicySet& set) {
  if (auto fits = check_policy_set(set); !fits) return std::unexpected(fits.error());
  const std::string bytes = encode_policy_set(set);
  const uint64_t hash = XXH3_64bits(bytes.data(), bytes.size());
  for (const auto& [number, known] : bytes_of_) {
    if (known.hash != hash || known.bytes != bytes.size()) continue;
    const auto same = find(number);
    if (same && *same == set) return number;
  }
  if (auto forgotten = forget_oldest(); !forgotten) return std::unexpected(forgotten.error());
  const uint32_t number = highest_ + 1;
  if (auto written = files_->replace_small(policies_name(number), bytes); !written) {
    return std::unexpected(written.error());
  }
  highest_ = number;
  bytes_of_[number] = {hash, bytes.size()};
  return number;
}

Result<> PolicySets::forget_oldest() {
  while (bytes_of_.size() >= DecisionStore::kPolicySetsMax) {
    if (auto removed = files_->remove(policies_name(bytes_of_.begin()->first)); !removed) return removed;
    bytes_of_.erase(bytes_of_.begin());
    forgotten_->add();
  }
  return {};
}

Result<model::PolicySet> PolicySets::find(uint32_t number) const {
  if (!bytes_of_.contains(number)) return fail(Errc::NotFound, fmt::format("there is no policy set {}", number));
  const std::string name = policies_name(number);
  const auto bytes = files_->read_small(name, kFileBytesMax);
  if (!bytes) return std::unexpected(bytes.error());
  auto set = decode_policy_set(*bytes);
  if (!set) {
    damaged_->add();
    return fail(Errc::Corrupt, fmt::format("{}: {}", files_->path(name), set.error().message));
  }
  return set;
}

uint64_t PolicySets::disk_bytes() const {
  uint64_t bytes = 0;
  for (const auto& [number, known] : bytes_of_) bytes += known.bytes;
  return bytes;
}

}  // namespace backstitch::store::decisions
