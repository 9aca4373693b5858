#include "sample/trace_choice.h"

#include <gtest/gtest.h>

namespace backstitch::sample {
namespace {

// Values of Go's hash/fnv and math/big, as the Collector 0.161 uses them.

TEST(TraceChoice, hashes_salt_and_id_as_the_collector_does) {
  struct Golden {
    const char* salt;
    const char* id;
    uint64_t hash;
  };
  for (const Golden& golden : {
           Golden{"default-hash-seed", "4bf92f3577b34da6a3ce929d0e0e4736", 0xa54533ba2e4970b5ULL},
           Golden{"default-hash-seed", "ffffffffffffffffffffffffffffffff", 0x17bec3739634fe2dULL},
           Golden{"", "4bf92f3577b34da6a3ce929d0e0e4736", 0xa54533ba2e4970b5ULL},
           Golden{"salt", "4bf92f3577b34da6a3ce929d0e0e4736", 0xad8863fce094f3f1ULL},
           Golden{"salt", "ffffffffffffffffffffffffffffffff", 0x6ab0e2762e25a9b1ULL},
       }) {
    EXPECT_EQ(TraceChoice(golden.salt, 1).hash(*model::TraceId::from_hex(golden.id)), golden.hash) << golden.salt;
  }
  EXPECT_EQ(TraceChoice("", 1).hash({}), 0xe19536eed1bbac3dULL);
}

TEST(TraceChoice, thresholds_are_those_of_gos_big_floats) {
  struct Golden {
    double percent;
    uint64_t threshold;
  };
  for (const Golden& golden : {
           Golden{0, 0},
           Golden{1e-300, 0},
           Golden{1e-18, 0},
           Golden{0.0001, 18446744073709ULL},
           Golden{0.1, 18446744073709551ULL},
           Golden{1, 184467440737095519ULL},
           Golden{3, 553402322211286527ULL},
           Golden{10, 1844674407370955263ULL},
           Golden{33.3, 6142765776545279999ULL},
           Golden{50, 9223372036854775807ULL},
           Golden{66.6, 12285531553090559999ULL},
           Golden{99, 18262276632972455935ULL},
           Golden{99.9999999, 18446744055262808063ULL},
           Golden{100, 18446744073709551615ULL},
           Golden{150, 18446744073709551615ULL},
           Golden{-1, 0},
       }) {
    EXPECT_EQ(TraceChoice("", golden.percent).threshold(), golden.threshold) << golden.percent;
  }
}

TEST(TraceChoice, a_hash_equal_to_the_threshold_is_chosen) {
  const auto id = *model::TraceId::from_hex("4bf92f3577b34da6a3ce929d0e0e4736");
  const TraceChoice all("salt", 100);
  EXPECT_TRUE(all.chooses(id));
  EXPECT_FALSE(TraceChoice("salt", 50).chooses(id));
  EXPECT_TRUE(TraceChoice("salt", 68).chooses(id));  // 0xad88… is 67.79 % of 2^64
}

}  // namespace
}  // namespace backstitch::sample
