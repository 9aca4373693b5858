// The path with policies in one thread under everything that a seed can think of: clients that lose, repeat and
// reorder, spans and roots that come late, persons who keep traces, a wall clock that jumps, a disk that fails or is
// full, and processes that are killed at any call to the disk and start again on what is left. Log, stores, ledger,
// decider and pipeline are the real ones; the seed gives their workers turns.
//
// What must hold, checked by books.h when everything has come to rest:
//
//   whole     A trace with evidence (an error, a long duration), or one that chance or a person keeps, is kept with
//             every span that was acknowledged, each once on reading; also where the evidence came long after the drop,
//             while its spans are in grace. A trace that is dropped has no span in the store.
//   once      A trace has one decision; a second one only where later evidence or a person takes a drop back; none
//             after it was kept. Verdict and store agree. Span counts of the last decision and late spans together are
//             the spans that came, where no process ended and no clock jumped on the way (docs/gaps.md).
//   counted   Span metrics count each acknowledged span once, whatever was kept. The service graph counts none twice,
//             and all of the traces that were never dropped (docs/gaps.md: late spans of dropped traces do not count,
//             and those of dropped ones may be lost by a crash).
//   the same  What chance alone decides is what its hash says, in every run of a seed.
//   nothing   When grace is over the log holds no segment, and nothing is open.
//   leaks
//
// "Once" and "counted" are ranges where a request's fate is not known to its client (books.h).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/books.h"
#include "sim/node.h"

namespace backstitch::sim {

struct SimulationOptions {
  uint64_t seed = 1;
  TrafficOptions traffic;
  base::Duration lasts = std::chrono::seconds(100);  // what is not sent by then is sent at once
  // How often in a thousand actions.
  uint32_t kills = 6;
  uint32_t stops = 2;  // clean ones
  uint32_t failed_calls = 10;
  uint32_t full_disks = 3;
  uint32_t clock_steps = 3;
  uint32_t keeps = 4;
  std::optional<uint64_t> kill_at;  // besides: the first process ends at this call to the disk
};

class Simulation {
 public:
  explicit Simulation(const SimulationOptions& options);

  // Sentences about what does not hold; none where all is well.
  std::vector<std::string> run();
  // That the disk saw.
  uint64_t calls() const { return world_.disk.calls(); }
  uint64_t kills() const { return starts_ - 1; }

 private:
  bool is_dead() const { return kill_at_ && world_.disk.calls() >= *kill_at_; }
  void start_node();
  void live();
  void act();
  void meddle();
  void send();
  void deliver(const std::vector<uint32_t>& spans);
  void keep_one();
  void kill_within(uint64_t calls);
  bool pause(base::Duration how_long);
  void turn_all(int rounds, base::Duration apart);
  void end_faults();
  void check_traces();
  void check_figures();
  void check_log();
  void complain(const std::string& what) { wrong_.push_back(what); }

  const SimulationOptions options_;
  base::Random random_;
  World world_;
  NodeOptions node_options_;
  Traffic traffic_;
  Books books_;
  std::unique_ptr<Node> node_;
  const base::Duration began_;
  std::vector<std::vector<uint32_t>> to_send_again_;
  std::optional<uint64_t> kill_at_;  // a call to the disk
  uint64_t starts_ = 0;
  int pauses_ = 0;  // in a row
  bool is_full_ = false;
  uint64_t never_dropped_ = 0;  // stored spans of traces that were kept at once
  std::vector<std::string> wrong_;
};

}  // namespace backstitch::sim
