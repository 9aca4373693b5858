// Any bytes as a segment file: the log opens or says why not, shows only records that read back, and goes on.
//
// The first byte chooses whether the checksums are made right before, so that what lies behind them is reached too.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/crc32c.h"
#include "base/simulated_file_system.h"
#include "log/headers.h"
#include "log/log.h"

namespace {

using namespace backstitch;  // NOLINT(google-build-using-namespace): one small program

constexpr char kPath[] = "log/00000000000000000001.log";

template <typename Header>
Header load(const std::string& bytes, size_t at) {
  Header header;
  std::memcpy(&header, bytes.data() + at, sizeof(header));
  return header;
}

void repair(std::string& bytes) {
  if (bytes.size() < sizeof(log::SegmentHeader)) return;
  auto segment = load<log::SegmentHeader>(bytes, 0);
  segment.segment = 1;
  segment.first_sequence = segment.first_sequence % (log::kSequenceMax / 2) + 1;  // room to go on
  log::seal(segment);
  std::memcpy(bytes.data(), &segment, sizeof(segment));
  uint64_t sequence = segment.first_sequence;
  for (size_t at = sizeof(segment); at + sizeof(log::RecordHeader) <= bytes.size();) {
    auto header = load<log::RecordHeader>(bytes, at);
    const size_t body = at + sizeof(header);
    header.digest_size = static_cast<uint32_t>(std::min<size_t>(header.digest_size, bytes.size() - body));
    const size_t payload = body + header.digest_size;
    header.payload_size = static_cast<uint32_t>(std::min<size_t>(header.payload_size, bytes.size() - payload));
    if (header.compression == 0) header.raw_size = header.payload_size;
    header.life = segment.life;
    header.sequence = sequence++;
    header.digest_crc32c = base::crc32c(std::string_view(bytes).substr(body, header.digest_size));
    header.payload_crc32c = base::crc32c(std::string_view(bytes).substr(payload, header.payload_size));
    log::seal(header);
    std::memcpy(bytes.data() + at, &header, sizeof(header));
    at = log::aligned(payload + header.payload_size);
  }
}

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 2 == 1) repair(bytes);

  base::SimulatedFileSystem disk;
  disk.set_contents(kPath, bytes);
  const base::FakeClock clock;
  base::Metrics metrics;
  const auto opened = log::Log::open(disk, clock, metrics, {.directory = "log", .segment_bytes = 4096});
  if (!opened) {
    require(opened.error().code == base::Errc::Unsupported);
    return 0;
  }
  log::Log& log = **opened;
  uint64_t last_sequence = 0;
  const auto replayed = log.replay([&](const log::Record& record) -> uint32_t {
    require(record.at.sequence > last_sequence);
    last_sequence = record.at.sequence;
    const auto read = log.read(record.at.position);
    // A compressed payload may pass its checksum and be no LZ4.
    require(read || read.error().code == base::Errc::Corrupt);
    if (read) require(read->digest == record.digest && read->payload.size() == record.payload_size);
    return 1;
  });
  require(replayed.has_value());
  const auto appended = log.append({}, "digest", "payload", {.references = 1});
  require(appended && appended->sequence > last_sequence);
  require(log.read(appended->position)->payload == "payload");
  return 0;
}
