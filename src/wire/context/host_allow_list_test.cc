#include "wire/context/host_allow_list.h"

#include <gtest/gtest.h>

namespace backstitch::wire::context {
namespace {

bool allows(const std::string& pattern, std::string_view host, uint16_t port = 443) {
  const std::vector<std::string> patterns{pattern};
  return HostAllowList::create(patterns).value().allows({.host = host, .port = port});
}

TEST(HostAllowList, allows_nothing_at_first) {
  EXPECT_FALSE(HostAllowList().allows({.host = "localhost", .port = 80}));
  EXPECT_FALSE(HostAllowList().allows({.host = "", .port = 80}));
}

TEST(HostAllowList, a_host_allows_itself_in_any_case) {
  EXPECT_TRUE(allows("cart", "cart"));
  EXPECT_TRUE(allows("Api.Shop.Example", "aPI.shop.EXAMPLE"));
  EXPECT_TRUE(allows("api.shop.example.", "api.shop.example"));
  EXPECT_TRUE(allows("api.shop.example", "api.shop.example."));
  EXPECT_TRUE(allows("10.0.0.7", "10.0.0.7"));
  EXPECT_TRUE(allows("my_service-1", "my_service-1"));
}

TEST(HostAllowList, no_part_of_another_host_is_enough) {
  for (const char* host : {"shop.example.evil.com", "evilshop.example", "api.shop.example", "shop.exampl",
                           "hop.example", "shop.example.com", "shop-example", ""}) {
    EXPECT_FALSE(allows("shop.example", host)) << host;
  }
}

TEST(HostAllowList, a_wildcard_allows_what_is_below_at_any_depth_and_not_the_name_itself) {
  EXPECT_TRUE(allows("*.shop.example", "api.shop.example"));
  EXPECT_TRUE(allows("*.shop.example", "A.B.Shop.Example."));
  for (const char* host : {"shop.example", ".shop.example", "evilshop.example", "api.shop.example.evil.com",
                           "api.shop.example.evil", "a..shop.example", "shop.example.api"}) {
    EXPECT_FALSE(allows("*.shop.example", host)) << host;
  }
}

TEST(HostAllowList, a_port_allows_that_port_only) {
  EXPECT_TRUE(allows("cart:8080", "cart", 8080));
  EXPECT_FALSE(allows("cart:8080", "cart", 80));
  EXPECT_TRUE(allows("*.shop.example:443", "a.shop.example", 443));
  EXPECT_FALSE(allows("*.shop.example:443", "a.shop.example", 8443));
}

TEST(HostAllowList, ipv6_with_and_without_brackets) {
  EXPECT_TRUE(allows("[::1]", "::1"));
  EXPECT_TRUE(allows("::1", "[::1]"));
  EXPECT_TRUE(allows("[FE80::A]:8080", "fe80::a", 8080));
  EXPECT_FALSE(allows("[FE80::A]:8080", "fe80::a", 80));
  EXPECT_FALSE(allows("[::1]", "::11"));
}

// What a sloppy caller may hand over instead of a host, or what a hostile one may try.
TEST(HostAllowList, what_is_no_host_is_never_allowed) {
  for (const char* host :
       {"cart@evil.com", "evil.com#cart", "evil.com/cart", "evil.com\\cart", "cart:80", " cart", "cart ", "cart\t",
        "evil.com?x=.shop.example", "evil.com/.shop.example", "evil.com\\.shop.example", "x@a.shop.example", "[cart]",
        "[a.shop.example]", "a.shop.example:1", "http://a.shop.example", "c\xc3\xa4rt.shop.example",
        "%61.shop.example"}) {
    EXPECT_FALSE(allows("cart", host)) << host;
    EXPECT_FALSE(allows("*.shop.example", host)) << host;
  }
  EXPECT_FALSE(allows("cart", std::string_view("cart\0.evil.com", 14)));
  EXPECT_FALSE(allows("*.shop.example", std::string_view("evil.com\0.shop.example", 22)));
  EXPECT_FALSE(allows("*.shop.example", std::string(300, 'a') + ".shop.example"));
}

TEST(HostAllowList, patterns_that_would_allow_more_than_meant_are_refused) {
  for (const char* pattern : {"",        "*",           "*.",     "*.*.example", "*shop.example",
                              "shop.*",  "a.*.example", "*.7",    "*.0.0.1",     "*.0x7f",
                              "*:80",    "cart:",       "cart:0", "cart:65536",  "cart:80x",
                              "cart:-1", "http://cart", "cart/",  "user@cart",   "a..b",
                              ".a",      "[::1",        "[cart]", "[::1]x",      "*.[::1]",
                              "*.::1",   "a b",         "[::1]:", "::1]"}) {
    const std::vector<std::string> patterns{pattern};
    const auto list = HostAllowList::create(patterns);
    ASSERT_FALSE(list) << pattern;
    EXPECT_EQ(list.error().code, base::Errc::InvalidArgument);
  }
  EXPECT_FALSE(HostAllowList::create(std::vector<std::string>(HostAllowList::kPatternsMax + 1, "a")));
}

}  // namespace
}  // namespace backstitch::wire::context
