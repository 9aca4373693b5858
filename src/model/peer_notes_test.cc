#include "model/peer_notes.h"

#include <charconv>
#include <cstdlib>
#include <gtest/gtest.h>

#include "base/random.h"

namespace backstitch::model {
namespace {

using base::Errc;

TraceId id_of(uint64_t number) {
  TraceId id;
  for (size_t i = 0; i < 8; ++i) id.bytes[15 - i] = static_cast<uint8_t>(number >> (8 * i));
  return id;
}

PeerNotes some_notes() {
  return {.from = "10.0.0.1:4317",
          .number = 300,
          .plan = 0x0123456789abcdef,
          .keeps = {{.id = id_of(1), .cause = DecisionCause::Reopened, .policy = 2, .voted = 6, .weight = 12.5F},
                    {.id = id_of(UINT64_MAX), .cause = DecisionCause::Person}},
          .moved = {{.id = id_of(9), .features = "abc"}, {.id = id_of(10), .features = ""}}};
}

TEST(PeerNotes, they_come_back) {
  const auto back = decode_peer_notes(encode_peer_notes(some_notes()));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, some_notes());
  EXPECT_EQ(decode_peer_notes(encode_peer_notes({})), PeerNotes());
}

TEST(PeerNotes, any_notes_come_back) {
  uint64_t seed = 20261122;
  const char* given = std::getenv("BACKSTITCH_TEST_SEED");
  const std::string_view text = given == nullptr ? "" : given;
  std::from_chars(text.data(), text.data() + text.size(), seed);
  SCOPED_TRACE("BACKSTITCH_TEST_SEED=" + std::to_string(seed));
  base::Random random(seed);
  const auto any = [&] { return random.next() >> random.below(64); };
  for (int round = 0; round < 300; ++round) {
    PeerNotes notes{.from = std::string(random.below(40), 'n'), .number = any(), .plan = any()};
    for (uint64_t i = random.below(20); i > 0; --i) {
      notes.keeps.push_back({.id = id_of(any()),
                             .cause = static_cast<DecisionCause>(random.below(kDecisionCauseMax + 1)),
                             .policy = static_cast<uint8_t>(random.below(256)),
                             .voted = any(),
                             .weight = static_cast<float>(random.below(1000))});
    }
    for (uint64_t i = random.below(20); i > 0; --i) {
      notes.moved.push_back({.id = id_of(any()), .features = std::string(random.below(90), '\x80')});
    }
    ASSERT_EQ(decode_peer_notes(encode_peer_notes(notes)), notes) << round;
  }
}

TEST(PeerNotes, every_truncation_is_malformed) {
  const std::string whole = encode_peer_notes(some_notes());
  for (size_t size = 0; size < whole.size(); ++size) {
    const auto part = decode_peer_notes(std::string_view(whole).substr(0, size));
    ASSERT_FALSE(part) << size;
    EXPECT_EQ(part.error().code, Errc::Malformed) << size;
  }
}

TEST(PeerNotes, bytes_behind_the_end_are_malformed) {
  const std::string whole = encode_peer_notes(some_notes());
  EXPECT_EQ(decode_peer_notes(whole + '\0').error().message,
            "notes are broken at byte " + std::to_string(whole.size()));
}

TEST(PeerNotes, another_version_is_unsupported) {
  std::string bytes = encode_peer_notes(some_notes());
  bytes[0] = 2;
  const auto decoded = decode_peer_notes(bytes);
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code, Errc::Unsupported);
  EXPECT_EQ(decoded.error().message, "notes of version 2; this build reads version 1");
}

TEST(PeerNotes, counts_and_sizes_beyond_the_limits_are_too_large) {
  using std::string_literals::operator""s;
  const std::string head = "\1\0\1"s + std::string(8, '\0');  // version, no name, number, plan
  EXPECT_EQ(decode_peer_notes("\1\x81\x04").error().message,
            "notes with 513 bytes of the sender's name; the limit is 512");
  EXPECT_EQ(decode_peer_notes(head + "\x81\x80\x04").error().message, "notes with 65537 keeps; the limit is 65536");
  EXPECT_EQ(decode_peer_notes(head + "\xff\x01").error().code, Errc::Malformed);
  EXPECT_EQ(decode_peer_notes(head + "\0\1"s + std::string(16, 'i') + "\x81\x20").error().code, Errc::TooLarge);
}

TEST(PeerNotes, a_cause_that_nobody_knows_is_malformed) {
  std::string bytes = encode_peer_notes({.from = "", .number = 1, .plan = 0, .keeps = {{.id = id_of(1)}}, .moved = {}});
  bytes[3 + 8 + 1 + 16] = 7;
  EXPECT_EQ(decode_peer_notes(bytes).error().code, Errc::Malformed);
}

}  // namespace
}  // namespace backstitch::model
