#include "route/member_source.h"

#include <future>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/simulated_file_system.h"

namespace backstitch::route {
namespace {

using base::Errc;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct MemberSourceTest : testing::Test {
  base::SimulatedFileSystem disk;
  base::Metrics metrics;
  base::Result<std::vector<net::Address>> records = std::vector<net::Address>{};
  MemberSourceWorld world{
      .files = disk, .resolve = [this](const net::Address&) { return records; }, .metrics = metrics};

  std::unique_ptr<MemberSource> open(MemberSourceOptions options) {
    auto source = MemberSource::open(std::move(options), world);
    EXPECT_TRUE(source) << source.error().message;
    return std::move(*source);
  }
  static std::vector<std::string> names(const MemberSource& source) {
    std::vector<std::string> found;
    const auto members = source.current();
    for (const Member& member : members->all()) found.push_back(to_string(member));
    return found;
  }
  uint64_t failures() { return metrics.counter("backstitch_members_refresh_failures", "").value(); }
};

TEST_F(MemberSourceTest, list_is_what_was_given) {
  const auto source = open({.members = {*parse_member("b:1"), *parse_member("a:1")}, .file = {}, .dns = {}});
  EXPECT_THAT(names(*source), ElementsAre("a:1", "b:1"));
  EXPECT_FALSE(*source->refresh());
}

TEST_F(MemberSourceTest, without_any_source_there_are_no_members) {
  EXPECT_TRUE(open({.members = {}, .file = {}, .dns = {}})->current()->empty());
}

TEST_F(MemberSourceTest, file_has_a_member_a_line_and_comments) {
  disk.set_contents("m", "# ours\nb:1  # the second\r\n\n a:1,query=a:2\n");
  EXPECT_THAT(names(*open({.members = {}, .file = "m", .dns = {}})), ElementsAre("a:1,query=a:2", "b:1"));
}

TEST_F(MemberSourceTest, file_is_read_again_and_watchers_hear_of_changes_alone) {
  disk.set_contents("m", "a:1\n");
  const auto source = open({.members = {}, .file = "m", .dns = {}, .file_interval = std::chrono::hours(1)});
  std::vector<size_t> seen;
  source->watch([&](const std::shared_ptr<const Members>& members) { seen.push_back(members->size()); }, &seen);
  disk.set_contents("m", "a:1\n# b comes later\n");
  EXPECT_FALSE(*source->refresh());
  disk.set_contents("m", "a:1\nb:1\n");
  EXPECT_TRUE(*source->refresh());
  EXPECT_THAT(seen, ElementsAre(1, 2));
  source->forget(&seen);
  disk.set_contents("m", "a:1\n");
  EXPECT_TRUE(*source->refresh());
  EXPECT_THAT(seen, ElementsAre(1, 2));
}

TEST_F(MemberSourceTest, file_is_looked_at_without_being_asked) {
  disk.set_contents("m", "");
  const auto source = open({.members = {}, .file = "m", .dns = {}, .file_interval = std::chrono::milliseconds(1)});
  std::promise<void> changed;
  source->watch([&](const std::shared_ptr<const Members>& members) {
    if (!members->empty()) changed.set_value();
  });
  disk.set_contents("m", "a:1\n");
  EXPECT_EQ(changed.get_future().wait_for(std::chrono::seconds(60)), std::future_status::ready);
}

TEST_F(MemberSourceTest, mistake_in_the_file_is_refused_at_the_start_with_its_line) {
  disk.set_contents("m", "a:1\n\nb\n");
  const auto source = MemberSource::open({.members = {}, .file = "m", .dns = {}}, world);
  ASSERT_FALSE(source);
  EXPECT_THAT(source.error().message, HasSubstr("members file m: line 3: \"b\" is not an address"));
  EXPECT_EQ(MemberSource::open({.members = {}, .file = "none", .dns = {}}, world).error().code, Errc::NotFound);
}

TEST_F(MemberSourceTest, later_mistake_leaves_the_last_list_in_force_and_is_counted) {
  disk.set_contents("m", "a:1\n");
  const auto source = open({.members = {}, .file = "m", .dns = {}});
  disk.set_contents("m", "a:1\nb\n");
  EXPECT_FALSE(source->refresh());
  EXPECT_THAT(source->problem(), HasSubstr("line 2"));
  disk.set_contents("m", "");  // between two writes of it
  EXPECT_FALSE(source->refresh());
  EXPECT_THAT(names(*source), ElementsAre("a:1"));
  EXPECT_EQ(failures(), 2U);
  disk.set_contents("m", "c:1\n");
  EXPECT_TRUE(*source->refresh());
  EXPECT_THAT(source->problem(), IsEmpty());
}

TEST_F(MemberSourceTest, every_record_of_a_dns_name_is_a_member) {
  records = std::vector<net::Address>{{"10.0.0.2", 4317}, {"::1", 4317}};
  const auto source = open({.members = {}, .file = {}, .dns = *parse_dns_members("nodes.example:4317,query=8080")});
  EXPECT_THAT(names(*source), ElementsAre("10.0.0.2:4317,query=10.0.0.2:8080", "[::1]:4317,query=[::1]:8080"));
}

TEST_F(MemberSourceTest, dns_name_may_become_known_later_and_is_not_forgotten) {
  records = base::fail(Errc::InvalidArgument, "cannot resolve");
  const auto source = open({.members = {}, .file = {}, .dns = *parse_dns_members("nodes.example:4317")});
  EXPECT_TRUE(source->current()->empty());
  EXPECT_EQ(source->problem(), "cannot resolve");
  records = std::vector<net::Address>{{"10.0.0.2", 4317}};
  EXPECT_TRUE(*source->refresh());
  records = base::fail(Errc::InvalidArgument, "cannot resolve");
  EXPECT_FALSE(source->refresh());
  EXPECT_THAT(names(*source), ElementsAre("10.0.0.2:4317"));
}

TEST(DnsMembers, text_goes_there_and_back) {
  for (const char* text : {"n:4317", "n:4317,query=8080"}) EXPECT_EQ(to_string(*parse_dns_members(text)), text);
  for (const char* text : {"n", "n:0", "n:1,query=", "n:1,query=x", "n:1,q=3", "n:1,query=0"}) {
    EXPECT_FALSE(parse_dns_members(text)) << text;
  }
}

TEST(FindSelf, it_is_the_given_one_or_the_one_with_the_own_address) {
  const Members members = *Members::create({*parse_member("10.0.0.1:4317"), *parse_member("10.0.0.2:4317")});
  const auto is_own = [](const std::string& host) { return host == "10.0.0.2"; };
  EXPECT_EQ(*find_self(members, "10.0.0.1:4317", {"0.0.0.0", 4317}, is_own), "10.0.0.1:4317");
  EXPECT_EQ(*find_self(members, "", {"10.0.0.1", 4317}, is_own), "10.0.0.1:4317");
  EXPECT_EQ(*find_self(members, "", {"0.0.0.0", 4317}, is_own), "10.0.0.2:4317");
}

TEST(FindSelf, none_or_more_than_one_is_an_error_that_says_what_to_write) {
  const Members members = *Members::create({*parse_member("10.0.0.1:4317"), *parse_member("10.0.0.2:4317")});
  const auto any = [](const std::string&) { return true; };
  EXPECT_THAT(find_self(members, "", {"0.0.0.0", 4317}, any).error().message, HasSubstr("write peers.self: HOST:PORT"));
  EXPECT_THAT(find_self(members, "", {"0.0.0.0", 1}, any).error().message, HasSubstr("none of the members"));
  EXPECT_THAT(find_self(members, "x:1", {"0.0.0.0", 1}, any).error().message, HasSubstr("none of the members"));
}

}  // namespace
}  // namespace backstitch::route
