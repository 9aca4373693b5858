#include "base/simulated_file_system.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <fmt/format.h>
#include <utility>

namespace backstitch::base {
namespace {

struct Write {
  uint64_t offset = 0;
  std::string bytes;
};

// Bytes of which the zeros at the end take no memory: preallocated files are mostly that.
struct Content {
  std::string bytes;
  uint64_t size = 0;

  void apply(const Write& write) {
    const uint64_t end = write.offset + write.bytes.size();
    if (bytes.size() < end) bytes.resize(end);
    if (!write.bytes.empty()) std::memcpy(bytes.data() + write.offset, write.bytes.data(), write.bytes.size());
    size = std::max(size, end);
  }
  std::string all() const {
    std::string result = bytes;
    result.resize(size);
    return result;
  }
};

std::string directory_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

std::unexpected<Error> fail_call(Errc code, std::string_view call, const std::string& path, std::string_view why) {
  return fail(code, fmt::format("{} {}: {}", call, path, why));
}

// The part of a write that reached the disk before the power went: pages are written in any order.
Write torn(Write write, Random& random) {
  const uint64_t cut = random.below(write.bytes.size() + 1);
  if (random.chance(0.5)) return {write.offset, write.bytes.substr(0, cut)};
  return {write.offset + cut, write.bytes.substr(cut)};
}

}  // namespace

struct SimulatedFileSystem::Node {
  Content now;
  Content durable;
  uint64_t allocated = 0;
  std::vector<Write> unsynced;

  void write(Write change) {
    now.apply(change);
    allocated = std::max(allocated, now.size);
    unsynced.push_back(std::move(change));
  }
  void sync() {
    for (const Write& change : unsynced) durable.apply(change);
    durable.size = std::max(durable.size, now.size);
    unsynced.clear();
  }
  void lose_power(Random* random) {
    if (random != nullptr) {
      const bool in_order = random->chance(0.5);
      const uint64_t kept = random->below(unsynced.size() + 1);
      for (size_t i = 0; i < unsynced.size(); ++i) {
        if (in_order ? i >= kept : random->chance(0.5)) continue;
        const bool is_torn = in_order ? i + 1 == kept : random->chance(0.25);
        durable.apply(is_torn ? torn(unsynced[i], *random) : unsynced[i]);
      }
      if (random->chance(0.5)) durable.size = std::max(durable.size, now.size);
    }
    unsynced.clear();
    now = durable;
    allocated = std::max(allocated, now.size);
  }
};

// A creation (`node` set), a removal (`to` empty) or a rename.
struct SimulatedFileSystem::NameChange {
  std::string path;
  std::string to;
  std::shared_ptr<Node> node;
};

class SimulatedFileSystem::SimulatedFile final : public File {
 public:
  SimulatedFile(SimulatedFileSystem& disk, std::string path, std::shared_ptr<Node> node, bool is_writable)
      : disk_(disk), path_(std::move(path)), node_(std::move(node)), process_(disk.process_), writable_(is_writable) {}

  Result<> write_at(uint64_t offset, std::initializer_list<std::string_view> parts) override {
    const std::lock_guard lock(disk_.mutex_);
    Write write{offset, {}};
    for (const std::string_view part : parts) write.bytes += part;
    if (auto begun = begin("pwritev"); !begun) {
      if (std::exchange(disk_.is_torn_, false)) {
        write.bytes.resize(disk_.random_.below(write.bytes.size() + 1));
        node_->write(std::move(write));
      }
      return begun;
    }
    if (!writable_) return fail_call(Errc::Io, "pwritev", path_, "opened for reading");
    const uint64_t end = offset + write.bytes.size();
    const uint64_t room = node_->allocated + (disk_.capacity_ - std::min(disk_.capacity_, disk_.used_bytes()));
    if (end > node_->allocated && end > room) {
      write.bytes.resize(offset < room ? room - offset : 0);
      if (!write.bytes.empty()) node_->write(std::move(write));
      return fail_call(Errc::NoSpace, "pwritev", path_, "no space left");
    }
    node_->write(std::move(write));
    return {};
  }

  Result<size_t> read_at(uint64_t offset, char* out, size_t size) const override {
    const std::lock_guard lock(disk_.mutex_);
    if (auto begun = begin("pread"); !begun) return std::unexpected(begun.error());
    const Content& content = node_->now;
    if (offset >= content.size) return 0;
    size = std::min<uint64_t>(size, content.size - offset);
    const size_t held = offset < content.bytes.size() ? std::min(size, content.bytes.size() - offset) : 0;
    if (held != 0) std::memcpy(out, content.bytes.data() + offset, held);
    if (held != size) std::memset(out + held, 0, size - held);
    return size;
  }

  Result<> preallocate(uint64_t size) override {
    const std::lock_guard lock(disk_.mutex_);
    if (auto begun = begin("fallocate"); !begun) return begun;
    if (size <= node_->allocated) return {};
    const uint64_t used = disk_.used_bytes();
    if (used > disk_.capacity_ || size - node_->allocated > disk_.capacity_ - used) {
      return fail_call(Errc::NoSpace, "fallocate", path_, "no space left");
    }
    node_->allocated = size;
    node_->now.size = std::max(node_->now.size, size);
    return {};
  }

  Result<uint64_t> size() const override {
    const std::lock_guard lock(disk_.mutex_);
    if (auto begun = begin("fstat"); !begun) return std::unexpected(begun.error());
    return node_->now.size;
  }

  Result<> sync() override {
    const std::lock_guard lock(disk_.mutex_);
    if (auto begun = begin("fdatasync"); !begun) return begun;
    node_->sync();
    return {};
  }

 private:
  Result<> begin(std::string_view call) const {
    if (process_ != disk_.process_) return fail_call(Errc::Io, call, path_, "its process has ended");
    return disk_.begin(call, path_);
  }

  SimulatedFileSystem& disk_;
  const std::string path_;
  const std::shared_ptr<Node> node_;  // shared with the names, which may lose it while it is open
  const uint64_t process_;
  const bool writable_;
};

class SimulatedFileSystem::SimulatedLock final : public FileLock {
 public:
  SimulatedLock(SimulatedFileSystem& disk, std::string path)
      : disk_(disk), path_(std::move(path)), process_(disk.process_) {}
  ~SimulatedLock() override {
    const std::lock_guard lock(disk_.mutex_);
    if (process_ == disk_.process_) disk_.locks_.erase(path_);
  }
  SimulatedLock(const SimulatedLock&) = delete;
  SimulatedLock& operator=(const SimulatedLock&) = delete;

 private:
  SimulatedFileSystem& disk_;
  const std::string path_;
  const uint64_t process_;
};

SimulatedFileSystem::SimulatedFileSystem(uint64_t seed) : random_(seed) {}
SimulatedFileSystem::~SimulatedFileSystem() = default;

uint64_t SimulatedFileSystem::calls() const {
  const std::lock_guard lock(mutex_);
  return calls_;
}

void SimulatedFileSystem::fail_at(uint64_t call, Errc code, Damage damage) {
  const std::lock_guard lock(mutex_);
  fault_ = {calls_ + call, code, damage, false};
}

void SimulatedFileSystem::stop_at(uint64_t call, Damage damage) {
  const std::lock_guard lock(mutex_);
  fault_ = {calls_ + call, Errc::Io, damage, true};
}

void SimulatedFileSystem::clear_faults() {
  const std::lock_guard lock(mutex_);
  fault_.reset();
  is_stopped_ = false;
}

void SimulatedFileSystem::set_capacity(uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  capacity_ = bytes;
}

Result<> SimulatedFileSystem::begin(std::string_view call, const std::string& path) {
  is_torn_ = false;
  ++calls_;
  if (is_stopped_) return fail_call(Errc::Io, call, path, "the process has stopped");
  if (!fault_ || calls_ != fault_->call) return {};
  is_stopped_ = fault_->is_last;
  is_torn_ = fault_->damage == Damage::Torn;
  return fail_call(fault_->code, call, path, fmt::format("simulated failure of call {}", calls_));
}

uint64_t SimulatedFileSystem::used_bytes() const {
  uint64_t used = 0;
  for (const auto& [path, node] : names_) used += node->allocated;
  return used;
}

void SimulatedFileSystem::apply(const NameChange& change, Names& names) {
  if (change.node) {
    names[change.path] = change.node;
  } else if (change.to.empty()) {
    names.erase(change.path);
  } else if (const auto found = names.find(change.path); found != names.end()) {
    names[change.to] = found->second;
    names.erase(change.path);
  }
}

void SimulatedFileSystem::change_names(NameChange change) {
  apply(change, names_);
  unsynced_names_.push_back(std::move(change));
}

void SimulatedFileSystem::end_process() {
  ++process_;
  locks_.clear();
  fault_.reset();
  is_stopped_ = false;
}

void SimulatedFileSystem::kill_process() {
  const std::lock_guard lock(mutex_);
  end_process();
}

void SimulatedFileSystem::lose_power(std::optional<uint64_t> seed) {
  const std::lock_guard lock(mutex_);
  end_process();
  Random random(seed.value_or(0));
  const size_t kept = seed ? random.below(unsynced_names_.size() + 1) : 0;
  for (size_t i = 0; i < kept; ++i) apply(unsynced_names_[i], durable_names_);
  unsynced_names_.clear();
  names_ = durable_names_;
  for (const auto& [path, node] : names_) node->lose_power(seed ? &random : nullptr);
}

std::string SimulatedFileSystem::contents(const std::string& path) const {
  const std::lock_guard lock(mutex_);
  const auto found = names_.find(path);
  assert(found != names_.end());
  return found == names_.end() ? "" : found->second->now.all();
}

void SimulatedFileSystem::set_contents(const std::string& path, std::string_view bytes) {
  const std::lock_guard lock(mutex_);
  auto node = std::make_shared<Node>();
  node->write({0, std::string(bytes)});
  node->sync();
  names_[path] = node;
  durable_names_[path] = node;
  for (size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    directories_.insert(path.substr(0, slash));
  }
}

std::map<std::string, std::string> SimulatedFileSystem::snapshot() const {
  const std::lock_guard lock(mutex_);
  std::map<std::string, std::string> files;
  for (const auto& [path, node] : names_) files[path] = node->now.all();
  return files;
}

Result<std::unique_ptr<File>> SimulatedFileSystem::open(const std::string& path, OpenMode mode) {
  const std::lock_guard lock(mutex_);
  if (auto begun = begin("open", path); !begun) return std::unexpected(begun.error());
  const auto found = names_.find(path);
  if (mode != OpenMode::Create) {
    if (found == names_.end()) return fail_call(Errc::NotFound, "open", path, "no such file");
    return std::make_unique<SimulatedFile>(*this, path, found->second, mode == OpenMode::ReadWrite);
  }
  if (found != names_.end()) return fail_call(Errc::AlreadyExists, "open", path, "file exists");
  if (!directories_.contains(directory_of(path))) {
    return fail_call(Errc::NotFound, "open", path, "no such directory");
  }
  auto node = std::make_shared<Node>();
  change_names({path, "", node});
  return std::make_unique<SimulatedFile>(*this, path, node, true);
}

Result<> SimulatedFileSystem::create_directories(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (auto begun = begin("mkdir", path); !begun) return begun;
  for (size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    directories_.insert(path.substr(0, slash));
  }
  directories_.insert(path);
  return {};
}

Result<std::vector<std::string>> SimulatedFileSystem::list(const std::string& directory) {
  const std::lock_guard lock(mutex_);
  if (auto begun = begin("opendir", directory); !begun) return std::unexpected(begun.error());
  if (!directories_.contains(directory)) return fail_call(Errc::NotFound, "opendir", directory, "no such directory");
  std::vector<std::string> result;
  const auto add_if_inside = [&](const std::string& path) {
    if (directory_of(path) == directory) result.push_back(path.substr(directory.size() + 1));
  };
  for (const auto& [path, node] : names_) add_if_inside(path);
  for (const std::string& path : directories_) add_if_inside(path);
  std::ranges::sort(result);
  return result;
}

Result<bool> SimulatedFileSystem::exists(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (auto begun = begin("stat", path); !begun) return std::unexpected(begun.error());
  return names_.contains(path) || directories_.contains(path);
}

Result<> SimulatedFileSystem::rename(const std::string& from, const std::string& to) {
  const std::lock_guard lock(mutex_);
  if (auto begun = begin("rename", from); !begun) return begun;
  if (!names_.contains(from)) return fail_call(Errc::NotFound, "rename", from, "no such file");
  if (from != to) change_names({from, to, nullptr});
  return {};
}

Result<> SimulatedFileSystem::remove(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (auto begun = begin("unlink", path); !begun) return begun;
  if (!names_.contains(path)) return fail_call(Errc::NotFound, "unlink", path, "no such file");
  change_names({path, "", nullptr});
  return {};
}

Result<> SimulatedFileSystem::sync_directory(const std::string& directory) {
  const std::lock_guard lock(mutex_);
  if (auto begun = begin("fsync", directory); !begun) return begun;
  std::erase_if(unsynced_names_, [&](const NameChange& change) {
    const bool is_inside =
        directory_of(change.path) == directory || (!change.to.empty() && directory_of(change.to) == directory);
    if (is_inside) apply(change, durable_names_);
    return is_inside;
  });
  return {};
}

Result<std::unique_ptr<FileLock>> SimulatedFileSystem::try_lock(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (auto begun = begin("flock", path); !begun) return std::unexpected(begun.error());
  if (!locks_.insert(path).second) return fail_call(Errc::AlreadyExists, "flock", path, "another process holds it");
  return std::make_unique<SimulatedLock>(*this, path);
}

Result<uint64_t> SimulatedFileSystem::free_bytes(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (auto begun = begin("statvfs", path); !begun) return std::unexpected(begun.error());
  const uint64_t used = used_bytes();
  return used < capacity_ ? capacity_ - used : 0;
}

}  // namespace backstitch::base
