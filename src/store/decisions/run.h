// One run, opened: an immutable file of records in the order of their ids. In memory are the first id of each page and
// where it lies: 24 bytes for some hundreds of records. A question by id reads one page, or two.
//
//   auto run = Run::open(std::move(file), "data/decisions/….run");
//   (*run)->find(id, records);
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"
#include "store/contract/decision_store.h"
#include "store/decisions/run_writer.h"

namespace backstitch::store::decisions {

// Thread-safe. Readable also when its file was removed.
class Run {
 public:
  // Corrupt, naming `name`, where header, trailer or directory are damaged or cut off; Unsupported for another version;
  // Io. Pages are checked when they are read.
  static base::Result<std::shared_ptr<const Run>> open(std::unique_ptr<base::File> file, std::string name);

  const RunSummary& summary() const { return summary_; }
  const std::string& name() const { return name_; }
  uint64_t file_bytes() const { return file_bytes_; }
  uint64_t index_bytes() const { return pages_.capacity() * sizeof(Page); }
  size_t page_count() const { return pages_.size() - 1; }

  // Appends the records of `id`, oldest first. Corrupt, naming the run and the page.
  base::Result<> find(const model::TraceId& id, std::vector<DecisionRecord>& found) const;
  // Of one page, in order; `page` is below page_count(). Corrupt as above, also where ids go back.
  base::Result<std::vector<DecisionRecord>> read_page(size_t page) const;
  // The first page that may hold `id` or one behind it.
  size_t first_page_of(const model::TraceId& id) const;

 private:
  struct Page {
    model::TraceId first_id;
    uint64_t offset;
  };

  Run(std::unique_ptr<base::File> file, std::string name) : file_(std::move(file)), name_(std::move(name)) {}
  base::Result<> read_index();
  base::Result<> read_directory(uint64_t end, uint32_t count, uint32_t checksum);
  base::Result<> read(uint64_t offset, size_t size, char* out) const;
  base::Result<std::string> page_bytes(size_t page) const;
  base::Error in_page(size_t page, const base::Error& error) const;

  const std::unique_ptr<base::File> file_;
  const std::string name_;
  uint64_t file_bytes_ = 0;
  RunSummary summary_;
  std::vector<Page> pages_;  // and where the last one ends
};

}  // namespace backstitch::store::decisions
