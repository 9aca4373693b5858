#include "sim/simulation.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

namespace backstitch::sim {
namespace {

using namespace std::chrono_literals;
using base::Errc;
using ingest::Worker;

constexpr double kChancePercent = 20;
constexpr base::Duration kGrace = 10'000h;  // longer than any run and all steps of the clock together
constexpr int kPausesMax = 40;              // in a row, of the sealer: then the disk has room again

sample::PolicySet policies(base::Random& random) {
  sample::PolicySet set;
  set.policies.push_back({.name = "errors", .rule = sample::StatusCodes{{model::StatusCode::Error}}});
  set.policies.push_back({.name = "slow", .rule = sample::Latency{.threshold = 1s}});
  set.policies.push_back({.name = "chance", .rule = sample::Probabilistic{.sampling_percentage = kChancePercent}});
  set.sample_on_first_match = random.chance(0.5);
  return set;
}

NodeOptions draw_node(base::Random& random) {
  NodeOptions options{.policies = policies(random)};
  options.shards = 1 + random.below(2);
  options.assemble = {.decision_wait = 2s, .decides = true, .grace_age = kGrace, .late_wait = 200ms};
  if (random.chance(0.3)) options.assemble.decision_wait_after_root_received = 300ms;
  if (random.chance(0.3)) options.assemble.spans_per_trace = static_cast<uint32_t>(2 + random.below(4));
  if (random.chance(0.3)) options.assemble.open_traces_max = 1 + random.below(5);
  options.seal_budget.spans_min = random.below(60);
  options.seal_budget.wait_max = std::chrono::milliseconds(random.below(5000));
  if (random.chance(0.3)) options.seal_budget.spans_max = 1 + random.below(20);
  options.segment_bytes = random.chance(0.5) ? 4096 : 16384;
  if (random.chance(0.5)) options.decisions_flush_records = 1 + random.below(20);
  return options;
}

}  // namespace

Simulation::Simulation(const SimulationOptions& options)
    : options_(options),
      random_(options.seed),
      world_(options.seed),
      node_options_(draw_node(random_)),
      traffic_(options.traffic, random_),
      books_(traffic_, {.chance = sample::TraceChoice("", kChancePercent)}),
      began_(world_.clock.monotonic()) {}

std::vector<std::string> Simulation::run() {
  if (options_.kill_at) kill_within(*options_.kill_at);
  start_node();
  while (wrong_.empty() && !(traffic_.is_over() && to_send_again_.empty())) live();
  if (!wrong_.empty()) return wrong_;
  end_faults();
  turn_all(400, 50ms);
  check_traces();
  check_figures();
  check_log();
  return wrong_;
}

void Simulation::kill_within(uint64_t calls) {
  kill_at_ = world_.disk.calls() + calls;
  world_.disk.stop_at(
      calls, random_.chance(0.5) ? base::SimulatedFileSystem::Damage::Torn : base::SimulatedFileSystem::Damage::None);
}

// A start may be killed too.
void Simulation::start_node() {
  for (int attempt = 0;; ++attempt) {
    if (is_dead()) {
      node_.reset();
      world_.disk.kill_process();
      kill_at_.reset();
      world_.clock.advance(std::chrono::milliseconds(random_.below(random_.chance(0.1) ? 100'000 : 3000)));
      if (attempt < 3 && random_.chance(0.3) && options_.kills != 0) kill_within(1 + random_.below(80));
    }
    auto started = Node::start(world_, node_options_, [this](base::Duration how_long) { return pause(how_long); });
    if (started && !is_dead()) {
      node_ = std::move(*started);
      ++starts_;
      return;
    }
    if (is_dead()) continue;
    // A disk that is full or failed at one call may prevent a start; the next one must do.
    if (attempt > 6) return complain("it does not start: " + started.error().message);
    world_.disk.set_capacity(UINT64_MAX);
  }
}

void Simulation::live() {
  if (is_dead()) {
    start_node();
  } else {
    act();
  }
}

void Simulation::act() {
  meddle();
  if (is_dead()) return;
  const uint64_t choice = random_.below(10);
  if (choice < 3) world_.clock.advance(std::chrono::milliseconds(random_.below(400)));
  if (choice >= 3 && choice < 6) send();
  if (choice == 6 || choice == 7) node_->pipeline().turn(Worker::Shards);
  pauses_ = 0;
  if (choice == 8) node_->pipeline().turn(random_.chance(0.8) ? Worker::Sealer : Worker::Merger);
  if (choice == 9) node_->pipeline().turn(Worker::Housekeeper);
}

void Simulation::meddle() {
  const auto happens = [this](uint32_t in_a_thousand) { return random_.below(1000) < in_a_thousand; };
  if (happens(options_.kills) && !kill_at_) kill_within(1 + random_.below(60));
  if (happens(options_.failed_calls) && !kill_at_) {
    world_.disk.fail_at(1 + random_.below(20), random_.chance(0.8) ? Errc::Io : Errc::NoSpace,
                        base::SimulatedFileSystem::Damage::Torn);
  }
  if (happens(options_.full_disks)) {
    is_full_ = !is_full_;
    uint64_t used = 0;
    for (const auto& [path, bytes] : world_.disk.snapshot()) used += bytes.size();
    world_.disk.set_capacity(is_full_ ? used + random_.below(20'000) : UINT64_MAX);
  }
  if (happens(options_.clock_steps)) {
    const auto step = std::chrono::seconds(random_.below(7200)) - 3600s;
    world_.clock.set_wall(base::offset(world_.clock.now(), step));
  }
  if (happens(options_.keeps)) keep_one();
  if (happens(options_.stops) && !kill_at_) {
    (void)node_->pipeline().drain(0s);
    node_.reset();
    world_.disk.kill_process();
    start_node();
  }
}

void Simulation::send() {
  if (!to_send_again_.empty() && random_.chance(0.5)) {
    const size_t which = random_.below(to_send_again_.size());
    const auto spans = to_send_again_[which];
    to_send_again_.erase(to_send_again_.begin() + static_cast<ptrdiff_t>(which));
    return deliver(spans);
  }
  const auto elapsed = world_.clock.monotonic() - began_;
  const auto due =
      traffic_.take_due(elapsed >= options_.lasts ? base::Duration::max() : elapsed, 1 + random_.below(6), random_);
  if (due.empty()) return;
  if (random_.chance(0.03)) return;  // lost on the way
  deliver(due);
}

void Simulation::deliver(const std::vector<uint32_t>& spans) {
  std::string request = traffic_.request(spans);
  const auto received = node_->pipeline().receive_traces(request);
  const bool is_known_dead = is_dead();
  if (received && !is_known_dead) {
    books_.acknowledge(spans);
    if (random_.chance(0.05)) to_send_again_.push_back(spans);  // the answer was lost
    return;
  }
  const bool is_refused = !received && !is_known_dead && received.error().code != Errc::Io;
  if (!is_refused) books_.doubt(spans);
  if (random_.chance(0.95)) to_send_again_.push_back(spans);
}

// By a person.
void Simulation::keep_one() {
  const auto trace = static_cast<uint32_t>(random_.below(traffic_.traces().size()));
  const auto kept = node_->pipeline().keep(traffic_.traces()[trace], model::DecisionCause::Person);
  if (kept && !is_dead()) {
    books_.keep(trace, true);
  } else if (kept || kept.error().code != Errc::NotFound) {
    books_.keep(trace, false);
  }
  world_.clock.advance(25ms);  // windows are counted in steps of 20 ms
}

// Others work meanwhile, but nobody seals.
bool Simulation::pause(base::Duration how_long) {
  if (is_dead()) return false;
  world_.clock.advance(how_long);
  if (++pauses_ > kPausesMax) end_faults();
  if (random_.chance(0.5)) send();
  if (options_.keeps != 0 && random_.chance(0.1)) keep_one();  // of what is on its way to a decision
  node_->pipeline().turn(random_.chance(0.5) ? Worker::Shards : Worker::Housekeeper);
  return !is_dead();
}

void Simulation::end_faults() {
  pauses_ = 0;
  is_full_ = false;
  world_.disk.set_capacity(UINT64_MAX);
}

void Simulation::turn_all(int rounds, base::Duration apart) {
  for (int i = 0; i < rounds; ++i) {
    for (const Worker worker : {Worker::Shards, Worker::Sealer, Worker::Housekeeper, Worker::Merger}) {
      if (is_dead()) start_node();
      node_->pipeline().turn(worker);
    }
    world_.clock.advance(apart);
  }
  if (is_dead()) start_node();
  kill_at_.reset();
  world_.disk.clear_faults();
}

void Simulation::check_traces() {
  if (const auto open = node_->open(); open.traces != 0 || open.taken != 0) {
    complain(fmt::format("{} traces are open, {} taken", open.traces, open.taken));
  }
  for (uint32_t trace = 0; trace < traffic_.traces().size(); ++trace) {
    const model::TraceId& id = traffic_.traces()[trace];
    Outcome outcome;
    const auto found = node_->store().find(id);
    if (found) {
      for (const model::Span& span : found->spans) outcome.stored.push_back(span.span_id);
    } else if (found.error().code != Errc::NotFound) {
      complain("it cannot be read: " + found.error().message);
    }
    const auto history = node_->decisions().find(id);
    if (!history) {
      complain("why fails: " + history.error().message);
      continue;
    }
    outcome.decisions = history->decisions;
    const auto is_drop = [](const model::Decision& one) { return one.verdict == model::Verdict::Dropped; };
    if (std::ranges::none_of(outcome.decisions, is_drop)) never_dropped_ += outcome.stored.size();
    for (const std::string& what : books_.check(trace, outcome, starts_ == 1 && options_.clock_steps == 0)) {
      complain(fmt::format("trace {} ({}): {}", trace, id.to_hex(), what));
    }
  }
}

void Simulation::check_figures() {
  uint64_t spans = 0;
  for (const ledger::SpanSeries& row : node_->spans().span_rows()) spans += row.latency.count();
  const uint64_t most = books_.acknowledged() + books_.uncertain();
  if (spans < books_.acknowledged() || spans > most) {
    complain(fmt::format("span metrics count {} of {} to {} spans", spans, books_.acknowledged(), most));
  }
  uint64_t calls = 0;
  for (const ledger::CallEdge& edge : node_->spans().call_edges()) calls += edge.requests + edge.unpaired;
  if (calls < never_dropped_) {
    complain(fmt::format("the service graph counts {} spans, {} were never dropped", calls, never_dropped_));
  }
  if (calls > most) complain(fmt::format("the service graph counts {} of {} spans", calls, most));
}

void Simulation::check_log() {
  world_.clock.advance(kGrace + 1h);
  turn_all(60, 5s);
  if (!node_->decisions().flush()) complain("decisions cannot be flushed");
  turn_all(30, 5s);
  if (node_->log().segment_count() != 0) {
    complain(fmt::format("the log still holds {} segments", node_->log().segment_count()));
  }
  if (const auto open = node_->open(); open.grace_traces != 0) complain("grace does not end");
}

}  // namespace backstitch::sim
