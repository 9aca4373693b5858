// Messages on their way to one destination that may be away for a while: another node, someone's backend. A message
// that was accepted is in a log of the queue's own, so that it survives a killed process; it is handed out in order
// until it is acknowledged, and after a restart again where the acknowledgement was not written (at least once). The
// youngest ones stay in memory too, so that a destination that keeps up costs no reading.
//
//   auto queue = DurableQueue::open({.directory = "data/queue/a", .name = "a"}, {files, clock, metrics});
//   queue->push(bytes);                                  // accepted: it will come
//   auto batch = queue->peek({.bytes_max = 1 << 20});    // another thread, which delivers
//   if (delivered) queue->acknowledge(batch->back().sequence);
//
// Full is an error to the giver (NoSpace): nothing is dropped to make room.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/counters.h"
#include "base/file_system.h"
#include "base/result.h"
#include "base/time.h"
#include "log/log.h"

namespace backstitch::route {

struct DurableQueueOptions {
  std::string directory;
  std::string name;  // the label `queue` of its metrics
  log::Sync sync = log::Sync::Interval;
  uint64_t max_bytes = 1ULL << 30;       // of its files
  uint64_t messages_max = 1'000'000;     // each costs some 100 bytes of memory, also where its bytes are on disk alone
  uint64_t memory_bytes_max = 16 << 20;  // of messages kept in memory beside the disk
  uint32_t segment_bytes = 4 << 20;      // of one file; a larger message gets a file of its own
  uint64_t free_bytes_min = 64 << 20;    // left free on the disk
  uint64_t seed = 0;                     // as log::LogOptions has it
};

// All outlive the queue.
struct DurableQueueWorld {
  base::FileSystem& files;
  const base::Clock& clock;
  base::Metrics& metrics;
};

struct QueuedMessage {
  uint64_t sequence = 0;
  std::string bytes;
};

struct PeekLimits {
  size_t count_max = 1024;
  uint64_t bytes_max = 4 << 20;  // the first message comes whatever its size
  base::Duration wait{0};        // for the first
};

// Thread-safe: many may push, one delivers.
//
// Metrics, each with {queue}: backstitch_queue_messages, backstitch_queue_bytes, backstitch_queue_accepted,
// backstitch_queue_delivered, backstitch_queue_refused{reason}, backstitch_queue_lost{reason}.
class DurableQueue {
 public:
  // Makes the directory, and finds what an earlier process left. AlreadyExists where another queue has the directory
  // open, Unsupported where a newer version wrote it, Io, InvalidArgument.
  static base::Result<std::unique_ptr<DurableQueue>> open(DurableQueueOptions options, DurableQueueWorld world);
  ~DurableQueue();
  DurableQueue(const DurableQueue&) = delete;
  DurableQueue& operator=(const DurableQueue&) = delete;

  // When it returns the message survives a killed process, and a power loss as `sync` says. NoSpace at a bound of the
  // queue or of the disk, TooLarge above message_bytes_max(), Io: it was not accepted, and never comes.
  base::Result<> push(std::string_view message);

  // Of the largest message that fits where nothing else waits.
  uint64_t message_bytes_max() const;

  // The oldest messages that were not acknowledged, in order, copied. Empty where there are none, or after interrupt().
  // Io where they cannot be read now. A message that turns out corrupt is passed over and counted as lost.
  base::Result<std::vector<QueuedMessage>> peek(const PeekLimits& limits);

  // All messages up to `sequence` have arrived, and come no more.
  void acknowledge(uint64_t sequence);

  // Waits end at once, now and later: the process is to end.
  void interrupt();

  // What was pushed survives a power loss when it returns.
  base::Result<> sync() { return log_->sync(); }

  // Forces to the disk what Sync::Interval leaves for later, and gives back files that are not needed. Called every
  // second or so by the owner.
  base::Result<> maintain();

  // Whether it is the queue's own bounds that the next message would meet, not the disk's.
  bool is_full() const;

  uint64_t size() const;   // messages
  uint64_t bytes() const;  // of them

 private:
  struct Entry {
    log::Position position;
    uint64_t sequence = 0;
    uint64_t size = 0;
    std::shared_ptr<const std::string> bytes;  // null where on disk alone; shared with a peek that is under way
  };

  DurableQueue(DurableQueueOptions options, DurableQueueWorld world);
  base::Result<> replay();
  void add_gauges();
  base::Result<> refuse(base::Error error);
  void enqueue(const log::Appended& at, std::string_view message);
  std::vector<Entry> oldest(const PeekLimits& limits);
  base::Result<std::string> read(const Entry& entry);
  // Returns how many went.
  uint64_t forget(uint64_t sequence);
  void mark(uint64_t sequence);

  const DurableQueueOptions options_;
  const DurableQueueWorld world_;
  base::Metrics log_metrics_;  // those of the process's own log have the same names
  std::unique_ptr<log::Log> log_;
  base::Counter& accepted_;
  base::Counter& delivered_;
  base::Counter& lost_;

  mutable std::mutex mutex_;
  std::condition_variable has_messages_;
  // All below guarded by mutex_.
  std::deque<Entry> entries_;
  uint64_t bytes_ = 0;
  uint64_t memory_bytes_ = 0;
  uint64_t reserved_ = 0;  // messages that are being pushed
  bool is_interrupted_ = false;
};

}  // namespace backstitch::route
