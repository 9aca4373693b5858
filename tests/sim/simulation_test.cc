#include "sim/simulation.h"

#include <charconv>
#include <cstdlib>
#include <gtest/gtest.h>

namespace backstitch::sim {
namespace {

using namespace std::chrono_literals;

uint64_t from_environment(const char* name, uint64_t otherwise) {
  const char* given = std::getenv(name);
  const std::string_view text = given == nullptr ? "" : given;
  std::from_chars(text.data(), text.data() + text.size(), otherwise);
  return otherwise;
}

std::string lines(const std::vector<std::string>& wrong) {
  std::string text;
  for (const std::string& one : wrong) text += one + "\n";
  return text;
}

// BACKSTITCH_TEST_SEED: the first one. BACKSTITCH_SIMULATION_SEEDS: how many.
TEST(Simulation, whatever_happens_evidence_is_kept_whole_and_nothing_is_decided_or_counted_twice) {
  const uint64_t first = from_environment("BACKSTITCH_TEST_SEED", 1);
  const uint64_t count = from_environment("BACKSTITCH_SIMULATION_SEEDS", 200);
  uint64_t kills = 0;
  for (uint64_t seed = first; seed < first + count; ++seed) {
    Simulation simulation({.seed = seed});
    const auto wrong = simulation.run();
    EXPECT_TRUE(wrong.empty()) << "BACKSTITCH_TEST_SEED=" << seed << "\n" << lines(wrong);
    kills += simulation.kills();
  }
  EXPECT_GT(kills, count / 4);
}

TEST(Simulation, without_a_restart_every_span_is_told_of_once) {
  const uint64_t first = from_environment("BACKSTITCH_TEST_SEED", 1);
  const uint64_t count = from_environment("BACKSTITCH_SIMULATION_SEEDS", 50);
  for (uint64_t seed = first; seed < first + count; ++seed) {
    Simulation simulation({.seed = seed, .kills = 0, .stops = 0, .clock_steps = 0});
    const auto wrong = simulation.run();
    EXPECT_TRUE(wrong.empty()) << "BACKSTITCH_TEST_SEED=" << seed << "\n" << lines(wrong);
  }
}

TEST(Simulation, a_seed_is_the_same_run_each_time) {
  Simulation first({.seed = 5});
  Simulation second({.seed = 5});
  EXPECT_EQ(lines(first.run()), lines(second.run()));
  EXPECT_EQ(first.calls(), second.calls());
  EXPECT_EQ(first.kills(), second.kills());
}

// One process that nothing happens to, ended at each of its calls to the disk.
TEST(Simulation, a_process_may_be_killed_at_any_call_to_the_disk) {
  SimulationOptions options{.seed = 7,
                            .traffic = {.traces = 8, .over = 2s, .late_max = 6s},
                            .lasts = 10s,
                            .kills = 0,
                            .stops = 0,
                            .failed_calls = 0,
                            .full_disks = 0,
                            .clock_steps = 0};
  Simulation whole(options);
  ASSERT_EQ(lines(whole.run()), "");
  for (uint64_t call = 1; call <= whole.calls(); ++call) {
    options.kill_at = call;
    Simulation simulation(options);
    ASSERT_EQ(lines(simulation.run()), "") << "killed at call " << call;
  }
}

}  // namespace
}  // namespace backstitch::sim
