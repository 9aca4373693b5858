// Any bytes as a run of decisions, as one page of it with its checksum made right, or as a policy set: read, or an
// error that names it; what was read is sorted, is found by id, and comes back from what is written of it.
//
// The first byte chooses which.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/bytes_file_testing.h"
#include "base/crc32c.h"
#include "store/decisions/decision_page.h"
#include "store/decisions/policy_sets.h"
#include "store/decisions/run.h"

namespace {

using namespace backstitch;                    // NOLINT(google-build-using-namespace): one small program
using namespace backstitch::store::decisions;  // NOLINT(google-build-using-namespace)

using Records = std::vector<store::DecisionRecord>;

void require(bool holds) {
  if (!holds) std::abort();
}

// A weight may be NaN, which differs from itself: its bytes do not.
std::string encoded(const Records& records) {
  std::string bytes;
  encode_page(records, bytes);
  return bytes;
}

void check_records(const Records& records, const std::string& page, const model::TraceId& first) {
  require(records.front().decision.id == first);
  for (size_t i = 1; i < records.size(); ++i) require(records[i - 1].decision.id <= records[i].decision.id);
  const std::string bytes = encoded(records);
  const auto again = decode_page(bytes, first);
  require(again && encoded(*again) == bytes);
  Records found;
  require(find_in_page(page, first, records.back().decision.id, found).has_value() && !found.empty());
}

void run_page(std::string_view data) {
  if (data.size() < 16) return;
  const model::TraceId first = model::TraceId::from_bytes(data.data());
  std::string page(data.substr(16));
  const uint32_t checksum = base::crc32c(page);
  page.append(reinterpret_cast<const char*>(&checksum), sizeof(checksum));
  if (const auto records = decode_page(page, first)) check_records(*records, page, first);
  Records found;
  (void)find_in_page(page, first, first, found);
}

void run_file(std::string bytes) {
  const auto opened = Run::open(std::make_unique<base::BytesFile>(std::move(bytes)), "the run");
  if (!opened) {
    require(opened.error().message.starts_with("the run: "));
    return;
  }
  const Run& run = **opened;
  for (size_t page = 0; page < run.page_count(); ++page) {
    const auto records = run.read_page(page);
    if (!records) continue;
    Records found;
    (void)run.find(records->back().decision.id, found);
  }
}

// The checksums of header and trailer made right.
void repair(std::string& bytes) {
  if (bytes.size() < sizeof(RunHeader) + sizeof(RunTrailer)) return;
  RunTrailer trailer;
  const size_t at = bytes.size() - sizeof(trailer);
  std::memcpy(&trailer, bytes.data() + at, sizeof(trailer));
  const uint64_t directory = uint64_t{trailer.pages} * sizeof(PageEntry);
  if (directory <= at) {
    trailer.directory_crc32c = base::crc32c(std::string_view(bytes).substr(at - directory, directory));
  }
  trailer.crc32c = base::crc32c({reinterpret_cast<const char*>(&trailer), offsetof(RunTrailer, crc32c)});
  std::memcpy(bytes.data() + at, &trailer, sizeof(trailer));
  RunHeader header{};
  std::memcpy(header.magic, kRunMagic, sizeof(kRunMagic));
  header.version = kRunVersion;
  header.crc32c = base::crc32c({reinterpret_cast<const char*>(&header), offsetof(RunHeader, crc32c)});
  std::memcpy(bytes.data(), &header, sizeof(header));
}

void run_policies(std::string bytes) {
  const uint32_t checksum = base::crc32c(bytes);
  bytes.append(reinterpret_cast<const char*>(&checksum), sizeof(checksum));
  const auto set = decode_policy_set(bytes);
  if (set) require(encode_policy_set(*set) == bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0:
      run_page(bytes);
      break;
    case 1:
      repair(bytes);
      [[fallthrough]];
    case 2:
      run_file(std::move(bytes));
      break;
    default:
      run_policies(std::move(bytes));
  }
  return 0;
}
