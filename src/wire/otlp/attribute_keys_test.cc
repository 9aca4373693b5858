#include "wire/otlp/attribute_keys.h"

#include <gtest/gtest.h>
#include <string>

#include "base/random.h"

namespace backstitch::wire::otlp {
namespace {

using model::AttributeLevel;

const std::string kAsked = "http.request.header.x-shop-cart";

AttributeKeys keys() {
  model::FeaturePlan plan;
  plan.attributes.push_back({.level = AttributeLevel::Span, .key = kAsked});
  return AttributeKeys(plan);
}

TEST(AttributeKeys, a_key_that_differs_in_any_one_byte_is_another) {
  AttributeKeys cache = keys();
  for (size_t i = 0; i < kAsked.size(); ++i) {
    std::string other = kAsked;
    other[i] ^= 1;
    EXPECT_EQ(cache.verdict(kAsked).slot(AttributeLevel::Span), 1u);
    EXPECT_EQ(cache.verdict(other).slot(AttributeLevel::Span), 0u) << other;
    EXPECT_EQ(cache.verdict(kAsked).slot(AttributeLevel::Span), 1u);
  }
}

TEST(AttributeKeys, keys_of_every_length_and_few_letters_are_told_apart) {
  base::Random random(20261122);
  std::vector<std::string> known;
  model::FeaturePlan plan;
  for (size_t size = 1; size <= 64; ++size) known.push_back(std::string(size, 'a'));
  for (size_t i = 0; i < 8; ++i) plan.attributes.push_back({.level = AttributeLevel::Span, .key = known[i * i]});
  AttributeKeys cache(plan);
  for (int i = 0; i < 100'000; ++i) {
    std::string key = known[random.below(known.size())];
    if (random.below(2) == 0) key[random.below(key.size())] = 'b';
    uint32_t expected = 0;
    for (uint32_t slot = 0; slot < plan.attributes.size(); ++slot) {
      if (plan.attributes[slot].key == key) expected = slot + 1;
    }
    ASSERT_EQ(cache.verdict(key).slot(AttributeLevel::Span), expected) << key;
  }
}

}  // namespace
}  // namespace backstitch::wire::otlp
