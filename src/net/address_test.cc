#include "net/address.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace backstitch::net {
namespace {

using base::Errc;

TEST(AddressParsing, hosts_and_ports_round_trip) {
  for (const char* text : {"127.0.0.1:4317", "[::1]:0", "localhost:65535", "0.0.0.0:1", "[fe80::1%lo]:80"}) {
    const auto address = parse_address(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(to_string(*address), text);
  }
  EXPECT_EQ(*parse_address("[::1]:4317"), (Address{"::1", 4317}));
}

TEST(AddressParsing, what_is_no_address_is_refused_with_a_sentence) {
  for (const char* text : {"", ":", "4317", "localhost", "localhost:", ":4317", "host:70000", "host:-1", "host:4 ",
                           "::1:4317", "[::1]", "[]:80", "[::1:80", "host:80x"}) {
    const auto address = parse_address(text);
    ASSERT_FALSE(address) << text;
    EXPECT_EQ(address.error().code, Errc::InvalidArgument);
    EXPECT_NE(address.error().message.find("127.0.0.1:4317"), std::string::npos) << address.error().message;
  }
}

TEST(AddressResolving, a_number_is_itself) {
  EXPECT_EQ(*resolve({"127.0.0.1", 80}), (std::vector<Address>{{"127.0.0.1", 80}}));
  EXPECT_EQ(*resolve({"::1", 80}), (std::vector<Address>{{"::1", 80}}));
}

TEST(AddressResolving, localhost_is_a_loopback_address) {
  const auto found = resolve({"localhost", 80});
  ASSERT_TRUE(found);
  EXPECT_TRUE(std::all_of(found->begin(), found->end(),
                          [](const Address& address) { return address.host == "127.0.0.1" || address.host == "::1"; }));
}

TEST(AddressResolving, an_unknown_name_is_refused) {
  const auto found = resolve({"no-such-host.invalid", 80});
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Errc::InvalidArgument);
}

TEST(Binding, a_taken_port_already_exists_and_is_named) {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof name;
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&name), size), 0);
  ASSERT_EQ(listen(listener, 1), 0);
  ASSERT_EQ(getsockname(listener, reinterpret_cast<sockaddr*>(&name), &size), 0);

  const Address taken{"127.0.0.1", ntohs(name.sin_port)};
  const auto bindable = check_bindable(taken);
  ASSERT_FALSE(bindable);
  EXPECT_EQ(bindable.error().code, Errc::AlreadyExists);
  EXPECT_NE(bindable.error().message.find(to_string(taken)), std::string::npos);
  close(listener);
  EXPECT_TRUE(check_bindable(taken));
}

TEST(Binding, a_foreign_address_is_an_invalid_argument) {
  const auto bindable = check_bindable({"192.0.2.1", 4317});
  ASSERT_FALSE(bindable);
  EXPECT_EQ(bindable.error().code, Errc::InvalidArgument);
}

}  // namespace
}  // namespace backstitch::net
