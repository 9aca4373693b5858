// The scanner against its naive twin: the whole file in memory, one 8-byte step at a time, table-driven checksums.
#include "log/segment_reader.h"

#include <cstring>
#include <gtest/gtest.h>

#include "base/crc32c.h"
#include "base/random.h"
#include "base/simulated_file_system.h"
#include "log/headers.h"

namespace backstitch::log {
namespace {

constexpr uint64_t kLife = 0x1122334455667788;

std::string random_bytes(base::Random& random, size_t size) {
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>(random.next());
  return bytes;
}

std::string make_file(base::Random& random) {
  std::string file(sizeof(SegmentHeader), 's');
  const uint64_t records = random.below(12);
  for (uint64_t i = 0; i < records; ++i) {
    // Some records are of an earlier life, some taken back.
    const std::string digest = random_bytes(random, random.below(40));
    const std::string payload = random_bytes(random, random.below(random.chance(0.1) ? 20'000 : 200));
    RecordHeader header{};
    header.digest_size = static_cast<uint32_t>(digest.size());
    header.payload_size = static_cast<uint32_t>(payload.size());
    header.raw_size = header.payload_size;
    header.life = random.chance(0.1) ? kLife - 1 : kLife;
    header.sequence = 100 + i;
    header.kind = random.chance(0.1) ? 0 : static_cast<uint8_t>(1 + random.below(3));
    header.digest_crc32c = base::crc32c(digest);
    header.payload_crc32c = base::crc32c(payload);
    seal(header);
    file.append(bytes_of(header)).append(digest).append(payload);
    file.resize(aligned(file.size()));
  }
  return file;
}

void damage(base::Random& random, std::string& file) {
  for (uint64_t n = random.below(4); n > 0 && !file.empty(); --n) {
    const size_t at = random.below(file.size());
    const size_t size = random.below(random.chance(0.5) ? 4 : 300);
    const std::string garbage = random.chance(0.3) ? std::string(size, '\0') : random_bytes(random, size);
    file.replace(at, std::min(size, file.size() - at), garbage.substr(0, std::min(size, file.size() - at)));
  }
  if (random.chance(0.2)) file.resize(random.below(file.size() + 1));
}

std::vector<uint64_t> naive_sequences(const std::string& file) {
  std::vector<uint64_t> sequences;
  uint64_t last = 0;
  for (size_t at = sizeof(SegmentHeader); at + sizeof(RecordHeader) <= file.size();) {
    RecordHeader header;
    std::memcpy(&header, file.data() + at, sizeof(header));
    const std::string_view bytes = std::string_view(file).substr(at);
    const bool whole = header.magic == kRecordMagic && header.life == kLife && header.sequence > last &&
                       header.header_crc32c == base::crc32c_portable(bytes.substr(0, sizeof(header) - 4)) &&
                       header.raw_size == header.payload_size && stored_bytes(header) <= bytes.size();
    if (!whole) {
      at += kAlignment;
      continue;
    }
    last = header.sequence;
    at = aligned(at + stored_bytes(header));
    const auto digest = bytes.substr(sizeof(header), header.digest_size);
    const auto payload = bytes.substr(sizeof(header) + header.digest_size, header.payload_size);
    if (header.kind != 0 && base::crc32c_portable(digest) == header.digest_crc32c &&
        base::crc32c_portable(payload) == header.payload_crc32c) {
      sequences.push_back(header.sequence);
    }
  }
  return sequences;
}

TEST(SegmentScanner, agrees_with_its_naive_twin_on_damaged_files) {
  for (uint64_t seed = 0; seed < 3000; ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    base::Random random(seed);
    std::string bytes = make_file(random);
    damage(random, bytes);
    base::SimulatedFileSystem disk;
    disk.set_contents("d/file", bytes);
    const auto file = disk.open("d/file", base::OpenMode::ReadOnly);
    SegmentScanner scanner(**file,
                           {.file_bytes = bytes.size(), .life = kLife, .after_sequence = 0, .verify_payloads = true});
    std::vector<uint64_t> sequences;
    ScannedRecord record;
    while (*scanner.next(record)) {
      sequences.push_back(record.header.sequence);
      const auto read = read_record(**file, bytes.size(), kLife, {1, record.offset});
      EXPECT_TRUE(read) << read.error().message;
    }
    ASSERT_EQ(sequences, naive_sequences(bytes));
  }
}

}  // namespace
}  // namespace backstitch::log
