#include "route/durable_queue.h"

#include <algorithm>
#include <fmt/format.h>

namespace backstitch::route {

using base::Errc;
using base::fail;
using base::Result;

namespace {

constexpr uint64_t kMessageBytesMax = 1 << 30;  // as the log has it
constexpr uint64_t kFileHeadBytes = 4096;       // at most, with a record's
constexpr uint64_t kRecordHeadBytes = 512;      // likewise

base::Labels labels(const DurableQueueOptions& options) { return {{"queue", options.name}}; }

log::LogOptions log_options(const DurableQueueOptions& options) {
  return {.directory = options.directory,
          .sync = options.sync,
          .segment_bytes = options.segment_bytes,
          .max_bytes = options.max_bytes,
          .free_bytes_min = options.free_bytes_min,
          .recycled_segments_max = 2,
          .seed = options.seed};
}

// As log::RecordKind::SealMark has it: "every record up to it needs no more care".
std::string mark_bytes(uint64_t sequence) {
  std::string bytes;
  for (int shift = 0; shift < 64; shift += 8) bytes += static_cast<char>(sequence >> shift & 0xff);
  return bytes;
}

}  // namespace

DurableQueue::DurableQueue(DurableQueueOptions options, DurableQueueWorld world)
    : options_(std::move(options)),
      world_(world),
      accepted_(world.metrics.counter("backstitch_queue_accepted", "Messages that a queue took", labels(options_))),
      delivered_(world.metrics.counter("backstitch_queue_delivered", "Messages that a queue's destination acknowledged",
                                       labels(options_))),
      lost_(world.metrics.counter("backstitch_queue_lost", "Messages that a queue could not read back",
                                  {{"queue", options_.name}, {"reason", "corrupt"}})) {}

Result<std::unique_ptr<DurableQueue>> DurableQueue::open(DurableQueueOptions options, DurableQueueWorld world) {
  std::unique_ptr<DurableQueue> queue(new DurableQueue(std::move(options), world));
  auto log = log::Log::open(world.files, world.clock, queue->log_metrics_, log_options(queue->options_));
  if (!log) return std::unexpected(log.error());
  queue->log_ = std::move(*log);
  if (auto replayed = queue->replay(); !replayed) return std::unexpected(replayed.error());
  queue->add_gauges();
  return queue;
}

DurableQueue::~DurableQueue() {
  for (const char* name : {"backstitch_queue_messages", "backstitch_queue_bytes"}) {
    world_.metrics.gauge(name, "", [] { return 0.0; }, labels(options_));
  }
}

void DurableQueue::add_gauges() {
  world_.metrics.gauge(
      "backstitch_queue_messages", "Messages that wait for their destination",
      [this] { return static_cast<double>(size()); }, labels(options_));
  world_.metrics.gauge(
      "backstitch_queue_bytes", "Bytes of the messages that wait for their destination",
      [this] { return static_cast<double>(bytes()); }, labels(options_));
}

Result<> DurableQueue::replay() {
  const auto replayed = log_->replay([&](const log::Record& record) -> uint32_t {
    if (record.info.kind != log::RecordKind::Spans) return 0;
    entries_.push_back({.position = record.at.position,
                        .sequence = record.at.sequence,
                        .size = record.payload_size,
                        .bytes = nullptr});
    bytes_ += record.payload_size;
    return 1;
  });
  if (!replayed) return std::unexpected(replayed.error());
  lost_.add(replayed->corrupt_records);
  (void)forget(replayed->last_seal_mark);
  return {};
}

Result<> DurableQueue::refuse(base::Error error) {
  world_.metrics
      .counter("backstitch_queue_refused", "Messages that a queue did not take",
               {{"queue", options_.name}, {"reason", std::string(base::to_string(error.code))}})
      .add();
  return fail(error.code, fmt::format("the queue '{}': {}", options_.name, error.message));
}

// One that has a file of its own has two others beside it: that which is written, and one that was just left.
uint64_t DurableQueue::message_bytes_max() const {
  const uint64_t taken = kFileHeadBytes + 2 * uint64_t{options_.segment_bytes};
  const uint64_t alone = options_.max_bytes - std::min(options_.max_bytes, taken);
  const uint64_t among_others = options_.segment_bytes - std::min<uint64_t>(options_.segment_bytes, kRecordHeadBytes);
  return std::min(kMessageBytesMax, std::max(alone, among_others));
}

Result<> DurableQueue::push(std::string_view message) {
  if (message.size() > message_bytes_max()) {
    return refuse({Errc::TooLarge, fmt::format("a message of {} bytes never fits its {} bytes on disk", message.size(),
                                               options_.max_bytes)});
  }
  bool is_full = false;
  {
    const std::lock_guard lock(mutex_);
    is_full = entries_.size() + reserved_ >= options_.messages_max;
    if (!is_full) ++reserved_;
  }
  if (is_full) {
    return refuse({Errc::NoSpace, fmt::format("{} messages wait already, the most it holds", options_.messages_max)});
  }
  const auto appended = log_->append({.kind = log::RecordKind::Spans, .received = world_.clock.now()}, "", message,
                                     {.references = 1}, [&](const log::Appended& at) { enqueue(at, message); });
  if (!appended) {
    const std::lock_guard lock(mutex_);
    --reserved_;
  }
  if (!appended) return refuse(appended.error());
  accepted_.add();
  return {};
}

bool DurableQueue::is_full() const {
  const std::lock_guard lock(mutex_);
  return entries_.size() + reserved_ >= options_.messages_max ||
         log_->live_bytes() + 2 * uint64_t{options_.segment_bytes} > options_.max_bytes;
}

// In the order of the sequences, since the log calls it so.
void DurableQueue::enqueue(const log::Appended& at, std::string_view message) {
  {
    const std::lock_guard lock(mutex_);
    --reserved_;
    Entry entry{.position = at.position, .sequence = at.sequence, .size = message.size(), .bytes = nullptr};
    if (memory_bytes_ + message.size() <= options_.memory_bytes_max) {
      entry.bytes = std::make_shared<const std::string>(message);
      memory_bytes_ += message.size();
    }
    bytes_ += message.size();
    entries_.push_back(std::move(entry));
  }
  has_messages_.notify_one();
}

std::vector<DurableQueue::Entry> DurableQueue::oldest(const PeekLimits& limits) {
  std::vector<Entry> wanted;
  std::unique_lock lock(mutex_);
  has_messages_.wait_for(lock, limits.wait, [&] { return !entries_.empty() || is_interrupted_; });
  if (is_interrupted_) return wanted;
  uint64_t bytes = 0;
  for (const Entry& entry : entries_) {
    bytes += entry.size;
    if (wanted.size() >= limits.count_max || (bytes > limits.bytes_max && !wanted.empty())) break;
    wanted.push_back(entry);
  }
  return wanted;
}

Result<std::vector<QueuedMessage>> DurableQueue::peek(const PeekLimits& limits) {
  std::vector<QueuedMessage> found;
  for (const Entry& entry : oldest(limits)) {
    Result<std::string> bytes = read(entry);
    if (bytes) {
      found.push_back({entry.sequence, std::move(*bytes)});
      continue;
    }
    if (!found.empty()) break;  // when it is the oldest
    if (bytes.error().code == Errc::Io) return std::unexpected(bytes.error());
    mark(entry.sequence);
    lost_.add(forget(entry.sequence));
  }
  return found;
}

Result<std::string> DurableQueue::read(const Entry& entry) {
  if (entry.bytes != nullptr) return *entry.bytes;
  Result<log::Record> record = log_->read(entry.position);
  if (!record) return std::unexpected(record.error());
  return std::move(record->payload);
}

void DurableQueue::acknowledge(uint64_t sequence) {
  mark(sequence);
  delivered_.add(forget(sequence));
}

// Where it cannot be written the messages come again after a restart.
void DurableQueue::mark(uint64_t sequence) {
  (void)log_->append({.kind = log::RecordKind::SealMark, .received = world_.clock.now()}, "", mark_bytes(sequence), {});
}

uint64_t DurableQueue::forget(uint64_t sequence) {
  std::vector<log::Position> released;
  {
    const std::lock_guard lock(mutex_);
    while (!entries_.empty() && entries_.front().sequence <= sequence) {
      const Entry& entry = entries_.front();
      bytes_ -= entry.size;
      if (entry.bytes != nullptr) memory_bytes_ -= entry.size;
      released.push_back(entry.position);
      entries_.pop_front();
    }
  }
  for (const log::Position& position : released) log_->release(position, 1);
  return released.size();
}

void DurableQueue::interrupt() {
  {
    const std::lock_guard lock(mutex_);
    is_interrupted_ = true;
  }
  has_messages_.notify_all();
}

Result<> DurableQueue::maintain() {
  log_->trim();
  return options_.sync == log::Sync::Interval ? log_->sync() : Result<>();
}

uint64_t DurableQueue::size() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

uint64_t DurableQueue::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

}  // namespace backstitch::route
