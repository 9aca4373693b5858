// Where the list of members comes from, and what it is now: written out, a file that is read again when it changes, or
// a DNS name that is asked again. A list that cannot be had any more is no reason to forget the last one: what was
// known stays in force, and the failure is counted and told.
//
//   auto source = MemberSource::open({.file = "members.txt"}, {.files = files, .resolve = net::resolve, metrics});
//   source->watch([](const std::shared_ptr<const Members>& members) { … });   // now, and at each change
//   source->current()->owner_of(id.low64());
//
// A file holds a member a line, as parse_member reads it; '#' begins a comment, empty lines are fine. It may be empty
// at first. A DNS name stands for all of its addresses, each a member; while it is unknown there are none.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/counters.h"
#include "base/file_system.h"
#include "base/result.h"
#include "base/time.h"
#include "net/address.h"
#include "route/membership.h"

namespace backstitch::route {

constexpr uint64_t kMembersFileBytesMax = 1 << 20;

// "NAME:PORT" or "NAME:PORT,query=PORT".
struct DnsMembers {
  net::Address name;  // with the port of OTLP gRPC
  uint16_t query_port = kQueryPort;

  bool operator==(const DnsMembers&) const = default;
};
base::Result<DnsMembers> parse_dns_members(std::string_view text);
std::string to_string(const DnsMembers& dns);

// One of them is given, or none: then there are no members, ever.
struct MemberSourceOptions {
  std::vector<Member> members;
  std::string file;
  std::optional<DnsMembers> dns;
  base::Duration file_interval = std::chrono::seconds(1);  // between looks at the file
  base::Duration dns_interval = std::chrono::seconds(5);   // between questions

  bool is_given() const { return !members.empty() || !file.empty() || dns.has_value(); }
};

// All numeric addresses of a name; net::resolve but in tests.
using Resolver = std::function<base::Result<std::vector<net::Address>>(const net::Address&)>;

// All outlive the source.
struct MemberSourceWorld {
  base::FileSystem& files;
  Resolver resolve;
  base::Metrics& metrics;
};

using OnMembers = std::function<void(const std::shared_ptr<const Members>&)>;

// Thread-safe.
//
// Metrics: backstitch_members (how many), backstitch_members_epoch{epoch}, backstitch_members_changes,
// backstitch_members_refresh_failures.
class MemberSource {
 public:
  // Looks once. The mistakes of a list or a file: InvalidArgument with the line, TooLarge, NotFound, Io. A DNS name
  // that is not known yet is none.
  static base::Result<std::unique_ptr<MemberSource>> open(MemberSourceOptions options, MemberSourceWorld world);
  // Ends the thread of watch(); waits for a DNS question that is under way.
  ~MemberSource();
  MemberSource(const MemberSource&) = delete;
  MemberSource& operator=(const MemberSource&) = delete;

  // Never null.
  std::shared_ptr<const Members> current() const;
  // Looks again, now. True if the members changed. An error leaves them as they were.
  base::Result<bool> refresh();
  // Why the last look failed; "" where it did not.
  std::string problem() const;

  // Calls `on_members` at once with the members of now and then at each change, one call at a time, on the thread that
  // noticed it; it must not call watch(). The first call starts a thread that looks again and again, where the source
  // can change at all. An `owner` that ends before the source does calls forget(): there are no calls after that.
  void watch(OnMembers on_members, const void* owner = nullptr);
  void forget(const void* owner);

 private:
  MemberSource(MemberSourceOptions options, MemberSourceWorld world);

  base::Result<Members> read();
  base::Result<Members> read_file();
  base::Result<Members> ask_dns();
  base::Result<bool> adopt(base::Result<Members> found);
  void run();

  const MemberSourceOptions options_;
  const MemberSourceWorld world_;
  base::Counter& changes_;
  base::Counter& failures_;

  std::mutex refresh_mutex_;  // one look at a time, one round of calls at a time
  std::vector<std::pair<const void*, OnMembers>> watchers_;

  mutable std::mutex mutex_;
  std::shared_ptr<const Members> current_;
  std::string problem_;
  std::condition_variable stopping_;
  bool is_stopping_ = false;
  std::thread thread_;
};

// Reads what a members file holds. InvalidArgument: "line 3: …".
base::Result<Members> parse_members_file(std::string_view text);

// Which of `members` this node is. `given`: its name, or "" to find it: then it is the member with the address of the
// own OTLP gRPC `listener`, or else the one whose port is the listener's and whose host is one of this machine.
// NotFound with a sentence that says what to write.
base::Result<std::string> find_self(const Members& members, std::string_view given, const net::Address& listener,
                                    const std::function<bool(const std::string& host)>& is_own_host);

}  // namespace backstitch::route
