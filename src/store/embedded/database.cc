#include "store/embedded/database.h"

#include <charconv>
#include <fmt/format.h>
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/table_properties_collectors.h>
#include <vector>

#include "store/embedded/embedded_format.h"

namespace backstitch::store::embedded {
namespace {

using base::Errc;
using base::fail;
using base::Result;

constexpr const char* kTraces = "traces";
constexpr const char* kSummaries = "summaries";
constexpr const char* kSealed = "sealed";
constexpr const char* kNames = "names";
constexpr double kBloomBitsPerKey = 10;
constexpr int kOpenFilesMax = 512;
constexpr uint64_t kInfoLogBytes = 1 << 20;
// Where half of this many neighbouring entries are removals, the file is compacted soon, so that reads don't wade
// through them and dead blobs go.
constexpr size_t kRemovalWindow = 4096;
// Keys of traces are small and random: small levels keep each compaction small.
constexpr uint64_t kTraceLevelBytes = 8 << 20;
constexpr uint64_t kTraceFileBytes = 4 << 20;
// A blob file goes when its last fragment is removed, which retention does in the files' order. Only what stays
// behind in the oldest files is worth copying.
constexpr double kBlobAgeCopied = 0.05;
constexpr double kBlobGarbageCopied = 0.5;

// RocksDB's own log would be a change to a directory that is only looked at.
class SilentLogger final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

rocksdb::BlockBasedTableOptions table_options(const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(kBloomBitsPerKey));
  table.cache_index_and_filter_blocks = true;  // inside the bound of the cache
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.format_version = 5;
  return table;
}

std::shared_ptr<rocksdb::TablePropertiesCollectorFactory> removal_collector() {
  return rocksdb::NewCompactOnDeletionCollectorFactory(kRemovalWindow, kRemovalWindow / 2);
}

// Ids are random, so an LSM tree would rewrite every fragment many times over; as blobs only their keys move.
rocksdb::ColumnFamilyOptions trace_options(const EmbeddedOptions& options,
                                           const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::ColumnFamilyOptions family;
  rocksdb::BlockBasedTableOptions table = table_options(cache);
  table.whole_key_filtering = false;  // one filter, over trace ids, serves both questions
  family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  family.prefix_extractor.reset(rocksdb::NewFixedPrefixTransform(kTraceIdBytes));
  family.memtable_prefix_bloom_size_ratio = 0.05;
  family.compression = rocksdb::kNoCompression;
  family.write_buffer_size = options.write_buffer_bytes * 3 / 8;  // one fills while one is flushed
  family.enable_blob_files = true;
  family.min_blob_size = 0;
  family.enable_blob_garbage_collection = true;
  family.blob_garbage_collection_age_cutoff = kBlobAgeCopied;
  family.blob_garbage_collection_force_threshold = kBlobGarbageCopied;
  family.max_bytes_for_level_base = kTraceLevelBytes;
  family.target_file_size_base = kTraceFileBytes;
  family.table_properties_collector_factories.push_back(removal_collector());
  return family;
}

rocksdb::ColumnFamilyOptions row_options(const EmbeddedOptions& options, const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::ColumnFamilyOptions family;
  family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table_options(cache)));
  family.compression = rocksdb::kLZ4Compression;
  family.write_buffer_size = options.write_buffer_bytes / 16;
  family.table_properties_collector_factories.push_back(removal_collector());
  return family;
}

rocksdb::DBOptions database_options(const EmbeddedOptions& options) {
  rocksdb::DBOptions database;
  database.create_if_missing = true;
  database.create_missing_column_families = true;
  database.db_write_buffer_size = options.write_buffer_bytes;
  database.max_total_wal_size = options.write_buffer_bytes * 4;
  database.max_background_jobs = 2;
  database.max_open_files = kOpenFilesMax;
  database.info_log_level = rocksdb::WARN_LEVEL;
  database.max_log_file_size = kInfoLogBytes;
  database.keep_log_file_num = 2;
  database.stats_dump_period_sec = 0;
  return database;
}

// RocksDB makes the last directory only.
Result<> create_directories(const std::string& directory) {
  for (size_t at = directory.find('/', 1); at != std::string::npos; at = directory.find('/', at + 1)) {
    const auto made = rocksdb::Env::Default()->CreateDirIfMissing(directory.substr(0, at));
    if (!made.ok()) return failure(made, "open store");
  }
  const auto made = rocksdb::Env::Default()->CreateDirIfMissing(directory);
  if (!made.ok()) return failure(made, "open store");
  return {};
}

std::unexpected<base::Error> in_use(const std::string& directory) {
  return fail(Errc::AlreadyExists, fmt::format("another process uses the store in {}", directory));
}

Result<> check_version(const std::string& directory, const std::string& version) {
  uint64_t number = 0;
  const char* end = version.data() + version.size();
  const auto parsed = std::from_chars(version.data(), end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end) {
    return fail(Errc::Corrupt, fmt::format("the store in {} has no format version but '{}'", directory, version));
  }
  if (number > kFormatVersion) {
    return fail(Errc::Unsupported,
                fmt::format("the store in {} has format version {}; this build reads up to version {}. Nothing was "
                            "changed",
                            directory, number, kFormatVersion));
  }
  return {};
}

// Looks at the version without changing a byte.
Result<> check_existing(const std::string& directory) {
  rocksdb::Options options;
  options.info_log = std::make_shared<SilentLogger>();
  rocksdb::DB* opened = nullptr;
  const auto status = rocksdb::DB::OpenForReadOnly(options, directory, &opened);
  if (!status.ok()) return failure(status, fmt::format("open store in {}", directory));
  const std::unique_ptr<rocksdb::DB> db(opened);
  std::string version;
  const auto got = db->Get(rocksdb::ReadOptions(), rocksdb::Slice(kFormatKey.data(), kFormatKey.size()), &version);
  if (got.IsNotFound()) return {};  // killed while it was made, before it held anything
  if (!got.ok()) return failure(got, fmt::format("open store in {}", directory));
  return check_version(directory, version);
}

}  // namespace

// Under RocksDB's own lock, so that no other process is changing what is looked at.
Result<> Database::check_format(const std::string& directory) {
  rocksdb::Env& env = *rocksdb::Env::Default();
  if (!env.FileExists(directory + "/CURRENT").ok()) return {};
  rocksdb::FileLock* lock = nullptr;
  if (!env.LockFile(directory + "/LOCK", &lock).ok()) return in_use(directory);
  const auto checked = check_existing(directory);
  env.UnlockFile(lock).PermitUncheckedError();  // frees it in any case
  return checked;
}

std::unexpected<base::Error> failure(const rocksdb::Status& status, std::string_view doing) {
  Errc code = Errc::Io;
  if (status.IsNoSpace()) code = Errc::NoSpace;
  if (status.IsCorruption()) code = Errc::Corrupt;
  return fail(code, fmt::format("{}: {}", doing, status.ToString()));
}

Result<std::unique_ptr<Database>> Database::open(const EmbeddedOptions& options) {
  if (auto checked = check_format(options.directory); !checked) return std::unexpected(checked.error());
  if (auto made = create_directories(options.directory); !made) return std::unexpected(made.error());

  const auto cache = rocksdb::NewLRUCache(options.block_cache_bytes);
  const std::vector<rocksdb::ColumnFamilyDescriptor> families = {
      {rocksdb::kDefaultColumnFamilyName, row_options(options, cache)},
      {kTraces, trace_options(options, cache)},
      {kSummaries, row_options(options, cache)},
      {kNames, row_options(options, cache)},
      {kSealed, row_options(options, cache)}};
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  auto database = std::make_unique<Database>();
  const auto status =
      rocksdb::DB::Open(database_options(options), options.directory, families, &handles, &database->db_);
  if (!status.ok()) {
    // RocksDB has no code of its own for a lock that is held.
    if (status.ToString().find("lock") != std::string::npos) return in_use(options.directory);
    return failure(status, fmt::format("open store in {}", options.directory));
  }
  database->default_ = handles[0];
  database->traces_ = handles[1];
  database->summaries_ = handles[2];
  database->names_ = handles[3];
  database->sealed_ = handles[4];

  rocksdb::WriteOptions durable;
  durable.sync = true;
  const auto written =
      database->db_->Put(durable, database->default_, rocksdb::Slice(kFormatKey.data(), kFormatKey.size()),
                         fmt::format("{}", kFormatVersion));
  if (!written.ok()) return failure(written, fmt::format("open store in {}", options.directory));
  return database;
}

Database::~Database() {
  if (db_ == nullptr) return;
  for (rocksdb::ColumnFamilyHandle* handle : {default_, traces_, summaries_, names_, sealed_}) {
    if (handle != nullptr) db_->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
  }
  db_->Close().PermitUncheckedError();  // everything acknowledged is in the write-ahead log already
  delete db_;
}

}  // namespace backstitch::store::embedded
