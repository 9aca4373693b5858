// The RocksDB database of an embedded store: opened, tuned, its errors as ours. RocksDB's headers stay in .cc files.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "store/embedded/embedded_store.h"

namespace rocksdb {
class ColumnFamilyHandle;
class DB;
class Status;
}  // namespace rocksdb

namespace backstitch::store::embedded {

class Database {
 public:
  // As check_embedded_format.
  static base::Result<> check_format(const std::string& directory);
  // As open_embedded_store.
  static base::Result<std::unique_ptr<Database>> open(const EmbeddedOptions& options);
  Database() = default;
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database();

  rocksdb::DB& db() const { return *db_; }
  rocksdb::ColumnFamilyHandle* numbers() const { return default_; }
  rocksdb::ColumnFamilyHandle* traces() const { return traces_; }
  rocksdb::ColumnFamilyHandle* summaries() const { return summaries_; }
  rocksdb::ColumnFamilyHandle* sealed() const { return sealed_; }
  rocksdb::ColumnFamilyHandle* names() const { return names_; }

 private:
  rocksdb::DB* db_ = nullptr;
  rocksdb::ColumnFamilyHandle* default_ = nullptr;
  rocksdb::ColumnFamilyHandle* traces_ = nullptr;
  rocksdb::ColumnFamilyHandle* summaries_ = nullptr;
  rocksdb::ColumnFamilyHandle* sealed_ = nullptr;
  rocksdb::ColumnFamilyHandle* names_ = nullptr;
};

// `doing` begins the sentence: "append: …".
std::unexpected<base::Error> failure(const rocksdb::Status& status, std::string_view doing);

}  // namespace backstitch::store::embedded
