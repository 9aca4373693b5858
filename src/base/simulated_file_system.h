// A disk in memory that behaves as badly as a real one may: it loses what was not synced, keeps any part of it, tears
// writes, is full, and fails at a chosen call. What the log and the store promise is tested on it.
//
//   SimulatedFileSystem disk;
//   disk.stop_at(17);              // the 17th call from now is the last; it may take effect in part
//   run_workload(disk);            // sees Io from then on
//   disk.lose_power(seed);         // or kill_process()
//   … open again and look …
//
// A killed process and a power loss differ: the first keeps every byte that was written, the second only what was
// synced, and at random some of what was not. Names are like bytes: created, renamed and removed in order, durable
// once the directory was synced; a power loss keeps some first part of the changes.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "base/random.h"

namespace backstitch::base {

// Thread-safe. Outlives its files and locks.
class SimulatedFileSystem final : public FileSystem {
 public:
  // How the failing call leaves the disk: as it was, or, if it is a write, with a part of its bytes written.
  enum class Damage { None, Torn };

  // `seed` decides where writes tear.
  explicit SimulatedFileSystem(uint64_t seed = 1);
  ~SimulatedFileSystem() override;

  // Calls are counted from 1, over all files. Each that touches the disk counts, reads too.
  uint64_t calls() const;
  // The `call`-th from now fails with `code`; later ones work.
  void fail_at(uint64_t call, Errc code, Damage damage = Damage::None);
  // So does every later one, until kill_process or lose_power: nothing is done any more, as in a process that ends.
  void stop_at(uint64_t call, Damage damage = Damage::Torn);
  void clear_faults();
  // Writes and reservations beyond fail with NoSpace; free_bytes tells the rest.
  void set_capacity(uint64_t bytes);

  // Both end every fault but the capacity, and every open file and lock: their calls fail from now on.
  // All written bytes stay.
  void kill_process();
  // Without a seed exactly what was synced stays; with one, a part of the rest too.
  void lose_power(std::optional<uint64_t> seed = {});

  // A file as the next reader would see it; asserts that it exists. Not counted as calls.
  std::string contents(const std::string& path) const;
  // Makes or replaces a file, synced.
  void set_contents(const std::string& path, std::string_view bytes);
  // Path → contents of all files.
  std::map<std::string, std::string> snapshot() const;

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override;
  Result<> create_directories(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& directory) override;
  Result<bool> exists(const std::string& path) override;
  Result<> rename(const std::string& from, const std::string& to) override;
  Result<> remove(const std::string& path) override;
  Result<> sync_directory(const std::string& directory) override;
  Result<std::unique_ptr<FileLock>> try_lock(const std::string& path) override;
  Result<uint64_t> free_bytes(const std::string& path) override;

 private:
  class SimulatedFile;
  class SimulatedLock;
  struct Node;
  struct NameChange;
  using Names = std::map<std::string, std::shared_ptr<Node>>;
  struct Fault {
    uint64_t call;
    Errc code;
    Damage damage;
    bool is_last;
  };

  Result<> begin(std::string_view call, const std::string& path);
  uint64_t used_bytes() const;
  void change_names(NameChange change);
  void end_process();
  static void apply(const NameChange& change, Names& names);

  mutable std::mutex mutex_;
  // All below guarded by mutex_.
  Random random_;
  uint64_t calls_ = 0;
  uint64_t process_ = 1;  // files and locks of an earlier one are dead
  std::optional<Fault> fault_;
  bool is_stopped_ = false;
  bool is_torn_ = false;  // the call that just failed is to leave a part behind
  uint64_t capacity_ = UINT64_MAX;
  Names names_;
  Names durable_names_;
  std::vector<NameChange> unsynced_names_;
  std::set<std::string> directories_;
  std::set<std::string> locks_;
};

}  // namespace backstitch::base
