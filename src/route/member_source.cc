#include "route/member_source.h"

#include <charconv>
#include <fmt/format.h>

namespace backstitch::route {

using base::Errc;
using base::fail;
using base::Result;

Result<DnsMembers> parse_dns_members(std::string_view text) {
  constexpr std::string_view kQueryOption = ",query=";
  const size_t comma = text.find(',');
  Result<net::Address> name = net::parse_address(text.substr(0, comma));
  if (!name) return std::unexpected(name.error());
  DnsMembers dns{.name = std::move(*name)};
  uint16_t port = kQueryPort;
  if (comma != std::string_view::npos) {
    const std::string_view option = text.substr(comma);
    const char* const end = option.data() + option.size();
    const char* const begin = option.data() + std::min(kQueryOption.size(), option.size());
    const auto [stop, code] = std::from_chars(begin, end, port);
    if (!option.starts_with(kQueryOption) || code != std::errc() || stop != end) port = 0;
  }
  if (port == 0 || dns.name.port == 0) {
    return fail(Errc::InvalidArgument,
                fmt::format("\"{}\" is no name of members; write NAME:PORT or NAME:PORT,query=PORT", text));
  }
  dns.query_port = port;
  return dns;
}

std::string to_string(const DnsMembers& dns) {
  const std::string name = net::to_string(dns.name);
  return dns.query_port == kQueryPort ? name : fmt::format("{},query={}", name, dns.query_port);
}

Result<Members> parse_members_file(std::string_view text) {
  std::vector<Member> members;
  for (int line = 1; !text.empty(); ++line) {
    std::string_view entry = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(entry.size() + 1, text.size()));
    entry = entry.substr(0, entry.find('#'));
    if (entry.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    Result<Member> member = parse_member(entry);
    if (!member) return fail(Errc::InvalidArgument, fmt::format("line {}: {}", line, member.error().message));
    members.push_back(std::move(*member));
  }
  return Members::create(std::move(members));
}

MemberSource::MemberSource(MemberSourceOptions options, MemberSourceWorld world)
    : options_(std::move(options)),
      world_(std::move(world)),
      changes_(world_.metrics.counter("backstitch_members_changes", "Times that the list of members became another")),
      failures_(world_.metrics.counter("backstitch_members_refresh_failures",
                                       "Looks at the list of members that failed; the last list stays in force")),
      current_(std::make_shared<const Members>()) {}

Result<std::unique_ptr<MemberSource>> MemberSource::open(MemberSourceOptions options, MemberSourceWorld world) {
  std::unique_ptr<MemberSource> source(new MemberSource(std::move(options), std::move(world)));
  Result<Members> found = source->read();
  if (found) {
    source->current_ = std::make_shared<const Members>(std::move(*found));
  } else if (source->options_.dns) {
    source->problem_ = found.error().message;
  } else {
    return std::unexpected(found.error());
  }
  source->world_.metrics.gauge("backstitch_members", "Nodes in the list of members",
                               [raw = source.get()] { return static_cast<double>(raw->current()->size()); });
  source->world_.metrics.text("backstitch_members_epoch", [raw = source.get()](bool, std::string& out) {
    out += "# TYPE backstitch_members_epoch gauge\n# HELP backstitch_members_epoch The list of members, as a hash; 1\n";
    out += fmt::format("backstitch_members_epoch{{epoch=\"{}\"}} 1\n", raw->current()->epoch_text());
  });
  return source;
}

MemberSource::~MemberSource() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  stopping_.notify_all();
  if (thread_.joinable()) thread_.join();
  world_.metrics.gauge("backstitch_members", "Nodes in the list of members", [] { return 0.0; });
  world_.metrics.text("backstitch_members_epoch", [](bool, std::string&) {});
}

std::shared_ptr<const Members> MemberSource::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

std::string MemberSource::problem() const {
  const std::lock_guard lock(mutex_);
  return problem_;
}

Result<Members> MemberSource::read() {
  if (!options_.file.empty()) return read_file();
  if (options_.dns) return ask_dns();
  return Members::create(options_.members);
}

Result<Members> MemberSource::read_file() {
  const auto in_file = [&](const base::Error& error) {
    return fail(error.code, fmt::format("members file {}: {}", options_.file, error.message));
  };
  const auto file = world_.files.open(options_.file, base::OpenMode::ReadOnly);
  if (!file) return in_file(file.error());
  const Result<uint64_t> size = (*file)->size();
  if (!size) return in_file(size.error());
  if (*size > kMembersFileBytesMax) {
    return in_file({Errc::TooLarge, fmt::format("{} bytes are more than {}", *size, kMembersFileBytesMax)});
  }
  std::string text(*size, '\0');
  const Result<size_t> got = (*file)->read_at(0, text.data(), text.size());
  if (!got) return in_file(got.error());
  text.resize(*got);
  Result<Members> members = parse_members_file(text);
  if (!members) return in_file(members.error());
  return members;
}

Result<Members> MemberSource::ask_dns() {
  const Result<std::vector<net::Address>> addresses = world_.resolve(options_.dns->name);
  if (!addresses) return std::unexpected(addresses.error());
  std::vector<Member> members;
  for (const net::Address& address : *addresses) {
    members.push_back({.name = net::to_string(address), .query = {address.host, options_.dns->query_port}});
  }
  return Members::create(std::move(members));
}

Result<bool> MemberSource::refresh() {
  const std::lock_guard one_at_a_time(refresh_mutex_);
  return adopt(read());
}

// An empty list where there were members is a mistake too: a file between two writes, a name that lost its records.
Result<bool> MemberSource::adopt(Result<Members> found) {
  const std::shared_ptr<const Members> before = current();
  if (found && found->empty() && !before->empty()) {
    found = fail(Errc::InvalidArgument, "the list of members is empty; the last one stays in force");
  }
  if (!found) failures_.add();
  {
    const std::lock_guard lock(mutex_);
    problem_ = found ? "" : found.error().message;
    if (!found) return std::unexpected(found.error());
    if (*found == *before) return false;
    current_ = std::make_shared<const Members>(std::move(*found));
  }
  changes_.add();
  const std::shared_ptr<const Members> now = current();
  for (const auto& [owner, on_members] : watchers_) on_members(now);
  return true;
}

void MemberSource::watch(OnMembers on_members, const void* owner) {
  const std::lock_guard one_at_a_time(refresh_mutex_);
  on_members(current());
  watchers_.emplace_back(owner, std::move(on_members));
  const bool can_change = !options_.file.empty() || options_.dns.has_value();
  if (can_change && !thread_.joinable()) thread_ = std::thread([this] { run(); });
}

void MemberSource::forget(const void* owner) {
  const std::lock_guard one_at_a_time(refresh_mutex_);
  std::erase_if(watchers_, [&](const auto& watcher) { return watcher.first == owner; });
}

void MemberSource::run() {
  const base::Duration interval = options_.dns ? options_.dns_interval : options_.file_interval;
  std::unique_lock lock(mutex_);
  while (!stopping_.wait_for(lock, interval, [&] { return is_stopping_; })) {
    lock.unlock();
    (void)refresh();  // counted, and in problem()
    lock.lock();
  }
}

Result<std::string> find_self(const Members& members, std::string_view given, const net::Address& listener,
                              const std::function<bool(const std::string& host)>& is_own_host) {
  if (!given.empty()) {
    if (members.find(given)) return std::string(given);
    return fail(Errc::NotFound, fmt::format("peers.self is {}, which is none of the members", given));
  }
  if (members.find(net::to_string(listener))) return net::to_string(listener);
  std::vector<std::string> own;
  for (const Member& member : members.all()) {
    const Result<net::Address> address = net::parse_address(member.name);
    if (address && address->port == listener.port && is_own_host(address->host)) own.push_back(member.name);
  }
  if (own.size() == 1) return own[0];
  return fail(Errc::NotFound,
              own.empty()
                  ? fmt::format("none of the members has the address of this node's OTLP gRPC, {}; write "
                                "peers.self: HOST:PORT as the list has it",
                                net::to_string(listener))
                  : fmt::format("both {} and {} may be this node; write peers.self: HOST:PORT as the list has it",
                                own[0], own[1]));
}

}  // namespace backstitch::route
