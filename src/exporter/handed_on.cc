#include "exporter/handed_on.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>
#include <utility>

namespace backstitch::exporter {

using base::Errc;
using base::fail;
using base::Result;

namespace {

static_assert(std::endian::native == std::endian::little);

constexpr size_t kNumberBytes = 8;
constexpr size_t kEntryBytes = sizeof(model::TraceId) + kNumberBytes;
constexpr uint64_t kCompactAbove = 1 << 20;  // bytes of the journal

void put_number(uint64_t number, std::string& out) {
  char bytes[kNumberBytes];
  std::memcpy(bytes, &number, sizeof bytes);
  out.append(bytes, sizeof bytes);
}

uint64_t number_at(std::string_view bytes) {
  uint64_t number;
  std::memcpy(&number, bytes.data(), sizeof number);
  return number;
}

void put_entry(const model::TraceId& id, uint64_t sequence, std::string& out) {
  out.append(reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size());
  put_number(sequence, out);
}

}  // namespace

Result<std::unique_ptr<HandedOn>> HandedOn::open(store::LedgerJournal& journal) {
  std::unique_ptr<HandedOn> handed_on(new HandedOn(journal));
  for (const std::string& record : journal.take_records()) {
    if (!handed_on->read(record)) return fail(Errc::Corrupt, "the journal of exported traces holds a broken record");
  }
  return handed_on;
}

bool HandedOn::read(std::string_view record) {
  if (record.size() < kNumberBytes || (record.size() - kNumberBytes) % kEntryBytes != 0) return false;
  highest_ = std::max(highest_, number_at(record));
  for (record.remove_prefix(kNumberBytes); !record.empty(); record.remove_prefix(kEntryBytes)) {
    see(model::TraceId::from_bytes(record.data()), number_at(record.substr(sizeof(model::TraceId))));
  }
  return true;
}

void HandedOn::see(const model::TraceId& id, uint64_t sequence) {
  uint64_t& covered = covered_[id];
  covered = std::max(covered, sequence);
}

Result<> HandedOn::add(std::span<const store::SealedTrace> batch) {
  const std::lock_guard lock(mutex_);
  uint64_t highest = highest_;
  for (const store::SealedTrace& trace : batch) highest = std::max(highest, trace.covered_sequence);
  std::string record;
  put_number(highest, record);
  for (const store::SealedTrace& trace : batch) put_entry(trace.id, trace.covered_sequence, record);
  if (auto written = journal_.append(record); !written) return written;
  highest_ = highest;
  for (const store::SealedTrace& trace : batch) see(trace.id, trace.covered_sequence);
  return {};
}

uint64_t HandedOn::covered(const model::TraceId& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = covered_.find(id);
  return found == covered_.end() ? 0 : found->second;
}

uint64_t HandedOn::highest() const {
  const std::lock_guard lock(mutex_);
  return highest_;
}

Result<> HandedOn::compact(uint64_t sequence) {
  const std::lock_guard lock(mutex_);
  if (journal_.bytes() < std::max(kCompactAbove, 2 * compacted_bytes_)) return {};
  absl::erase_if(covered_, [&](const auto& entry) { return entry.second < sequence; });
  std::string record;
  put_number(highest_, record);
  for (const auto& [id, covered] : covered_) put_entry(id, covered, record);
  if (auto written = journal_.replace(record); !written) return written;
  compacted_bytes_ = journal_.bytes();
  return {};
}

uint64_t HandedOn::trace_count() const {
  const std::lock_guard lock(mutex_);
  return covered_.size();
}

uint64_t HandedOn::journal_bytes() const {
  const std::lock_guard lock(mutex_);
  return journal_.bytes();
}

}  // namespace backstitch::exporter
