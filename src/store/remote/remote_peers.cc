#include "store/remote/remote_peers.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <utility>

#include "net/http_client.h"
#include "store/contract/join.h"
#include "store/remote/messages.h"

namespace backstitch::store {

using base::Errc;
using base::fail;
using base::Result;

namespace {

constexpr size_t kRefusalBytesMax = 500;  // of a peer's words that are passed on

// One set of counters a peer.
class PeerCounters {
 public:
  PeerCounters(base::Metrics& metrics, std::string name)
      : metrics_(metrics),
        name_(std::move(name)),
        requests_(metrics.counter("backstitch_peer_requests", "Requests to another node", {{"peer", name_}})),
        answer_bytes_(metrics.counter("backstitch_peer_answer_bytes", "Bytes that another node answered with",
                                      {{"peer", name_}})),
        duration_(metrics.duration("backstitch_peer_duration_seconds", "Time that another node took to answer",
                                   {{"peer", name_}})) {
    failures(Errc::Timeout);
    failures(Errc::Unavailable);
  }

  void asked(base::Duration took) {
    requests_.add();
    duration_.record(took);
  }
  void answered(size_t bytes) { answer_bytes_.add(bytes); }
  void failed(Errc why) { failures(why).add(); }

 private:
  base::Counter& failures(Errc why) {
    return metrics_.counter("backstitch_peer_failures", "Requests to another node that it did not answer as it should",
                            {{"peer", name_}, {"reason", std::string(base::to_string(why))}});
  }

  base::Metrics& metrics_;
  const std::string name_;
  base::Counter& requests_;
  base::Counter& answer_bytes_;
  base::DurationHistogram& duration_;
};

class RemotePeers;

// The bytes of a peer's answer, or why there are none.
Result<std::string> body_of(Result<net::HttpReply> reply, const std::string& name) {
  if (!reply) return std::unexpected(std::move(reply.error()));
  const auto type = std::ranges::find(reply->headers, "content-type", &std::pair<std::string, std::string>::first);
  if (reply->status == 200 && type != reply->headers.end() && type->second == kPeersContentType) {
    return std::move(reply->body);
  }
  const bool is_other_version =
      reply->status == 200 || reply->status == 404 || reply->status == 405 || reply->status == 415;
  if (is_other_version) {
    return fail(Errc::Unsupported,
                fmt::format("{} does not answer as nodes of this version do (status {})", name, reply->status));
  }
  reply->body.resize(std::min(reply->body.size(), kRefusalBytesMax));
  return fail(reply->status == 503 ? Errc::Unavailable : Errc::Io,
              fmt::format("{} answered with status {}: {}", name, reply->status, reply->body));
}

class Question final : public PeerQuestion {
 public:
  // `http`: null where there is nobody to ask.
  Question(RemotePeers& owner, std::vector<PeerAddress> peers, std::unique_ptr<net::HttpFanout> http)
      : owner_(owner), peers_(std::move(peers)), is_missing_(peers_.size()), http_(std::move(http)) {}
  ~Question() override;

  const std::vector<MissingPeer>& missing() const override { return missing_; }
  void miss_all(const base::Error& why) {
    for (size_t i = 0; i < peers_.size(); ++i) miss(i, why);
  }

  std::vector<Result<model::Trace>> find_all(std::span<const model::TraceId> ids) override {
    TraceResults found;
    while (!ids.empty()) {
      const auto some = ids.first(std::min(kPeerTracesMax, ids.size()));
      TraceJoin join(some);
      const auto decode = [&](std::string_view bytes) { return decode_traces(bytes, some); };
      for (TraceResults& part : ask<TraceResults>("traces", encode_ids(some), decode)) join.add(std::move(part));
      for (Result<model::Trace>& trace : std::move(join).finish()) found.push_back(std::move(trace));
      ids = ids.subspan(some.size());
    }
    return found;
  }

  Result<std::vector<uint32_t>> fragment_counts(std::span<const model::TraceId> ids) override {
    std::vector<uint32_t> sums;
    while (!ids.empty()) {
      const auto some = ids.first(std::min(kPeerCountsMax, ids.size()));
      const size_t start = sums.size();
      sums.resize(start + some.size());
      const auto decode = [&](std::string_view bytes) { return decode_counts(bytes, some.size()); };
      for (const auto& part : ask<std::vector<uint32_t>>("counts", encode_ids(some), decode)) {
        for (size_t i = 0; i < part.size(); ++i) sums[start + i] += part[i];
      }
      ids = ids.subspan(some.size());
    }
    return sums;
  }

  Result<SearchResult> search(const TraceQuery& query) override {
    if (query.limit == 0) return SearchResult();
    TraceQuery asked = query;
    asked.budget = within(query.budget);
    const auto bytes = encode_search(asked);
    if (!bytes) return miss_all(bytes.error()), SearchResult();
    auto parts = ask<SearchResult>("search", *bytes, &decode_search_result);
    return join_searches(std::move(parts), query.limit);
  }

  Result<MetricsResult> metrics(const MetricsQuery& query) override {
    MetricsResult joined{.series = traceql::MetricsPartial(query.plan)};
    MetricsQuery asked = query;
    asked.budget = within(query.budget);
    const auto bytes = encode_metrics(asked);
    if (!bytes) return miss_all(bytes.error()), joined;
    const auto decode = [&](std::string_view part) { return decode_metrics_result(part, query.plan); };
    for (const MetricsResult& part : ask<MetricsResult>("metrics", *bytes, decode)) {
      joined.series.merge(part.series);
      joined.is_partial = joined.is_partial || part.is_partial;
    }
    return joined;
  }

  Result<std::vector<std::string>> services() override {
    return join_lists(list<std::string>("services", {}, &decode_texts));
  }
  Result<std::vector<Operation>> operations(const std::string& service) override {
    return join_lists(list<Operation>("operations", {.service = service}, &decode_operations));
  }
  Result<std::vector<AttributeName>> attribute_names(uint32_t limit) override {
    auto names = join_lists(list<AttributeName>("attributes", {.limit = limit}, &decode_attribute_names));
    if (names.size() > limit) names.resize(limit);
    return names;
  }
  Result<std::vector<std::string>> attribute_values(const AttributeName& name, uint32_t limit) override {
    return join_values(list<std::string>("values", {.name = name, .limit = limit}, &decode_texts), limit);
  }
  Result<StoreStats> stats() override {
    StoreStats all;
    for (StoreStats& part : ask<StoreStats>("stats", "", &decode_stats)) add_stats(std::move(part), all);
    return all;
  }

 private:
  void miss(size_t peer, base::Error why);
  SearchBudget within(const SearchBudget& budget) const;
  // Asks those who are not missing; the decoded answers of those who answer.
  template <typename Answer, typename Decode>
  std::vector<Answer> ask(std::string_view what, const std::string& body, const Decode& decode);
  template <typename Item, typename Decode>
  std::vector<std::vector<Item>> list(std::string_view what, ListQuestion question, const Decode& decode) {
    question.limit = std::min(question.limit, kPeerLimitMax);
    return ask<std::vector<Item>>(what, encode_list_question(question), decode);
  }

  RemotePeers& owner_;
  const std::vector<PeerAddress> peers_;
  std::vector<bool> is_missing_;
  std::vector<MissingPeer> missing_;
  std::unique_ptr<net::HttpFanout> http_;
};

class RemotePeers final : public Peers {
 public:
  RemotePeers(std::function<std::vector<PeerAddress>()> peers, RemotePeersOptions options, const base::Clock& clock,
              base::Metrics& metrics)
      : peers_(std::move(peers)), options_(options), clock_(clock), metrics_(metrics) {}

  std::unique_ptr<PeerQuestion> begin() override {
    std::vector<PeerAddress> peers = distinct(peers_());
    if (peers.empty()) return std::make_unique<Question>(*this, std::move(peers), nullptr);
    auto http = take();
    const bool is_busy = http == nullptr;
    auto question = std::make_unique<Question>(*this, std::move(peers), std::move(http));
    if (is_busy) {
      question->miss_all({Errc::Overloaded, fmt::format("{} questions to other nodes are under way, which is as many "
                                                        "as may be",
                                                        options_.questions_max)});
    }
    return question;
  }

  void give_back(std::unique_ptr<net::HttpFanout> http) {
    const std::lock_guard lock(mutex_);
    --under_way_;
    idle_.push_back(std::move(http));
  }

  PeerCounters& counters_of(const std::string& name) {
    const std::lock_guard lock(mutex_);
    const auto known = counters_.find(name);
    if (known != counters_.end()) return *known->second;
    const std::string told = counters_.size() < kPeersToldMax ? name : "other";
    std::unique_ptr<PeerCounters>& one = counters_[told];
    if (one == nullptr) one = std::make_unique<PeerCounters>(metrics_, told);
    return *one;
  }

  const RemotePeersOptions& options() const { return options_; }
  base::Duration now() const { return clock_.monotonic(); }

 private:
  static std::vector<PeerAddress> distinct(std::vector<PeerAddress> peers) {
    std::set<std::string> seen;
    std::erase_if(peers, [&](const PeerAddress& one) { return !seen.insert(net::to_string(one.query)).second; });
    return peers;
  }

  // Null where questions_max are under way.
  std::unique_ptr<net::HttpFanout> take() {
    const std::lock_guard lock(mutex_);
    if (under_way_ == options_.questions_max) return nullptr;
    ++under_way_;
    if (idle_.empty()) {
      return net::HttpFanout::create({.timeout = options_.query_timeout, .reply_bytes_max = options_.answer_bytes_max});
    }
    auto http = std::move(idle_.back());
    idle_.pop_back();
    return http;
  }

  const std::function<std::vector<PeerAddress>()> peers_;
  const RemotePeersOptions options_;
  const base::Clock& clock_;
  base::Metrics& metrics_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<net::HttpFanout>> idle_;  // guarded by mutex_, as what follows
  size_t under_way_ = 0;
  std::map<std::string, std::unique_ptr<PeerCounters>> counters_;
};

Question::~Question() {
  if (http_) owner_.give_back(std::move(http_));
}

void Question::miss(size_t peer, base::Error why) {
  owner_.counters_of(peers_[peer].name).failed(why.code);
  is_missing_[peer] = true;
  missing_.push_back({peers_[peer].name, std::move(why)});
  // In the order of the members.
  std::ranges::sort(missing_, {}, [this](const MissingPeer& one) {
    return std::ranges::find(peers_, one.name, &PeerAddress::name) - peers_.begin();
  });
}

// A peer ends by itself before its answer would come too late.
SearchBudget Question::within(const SearchBudget& budget) const {
  SearchBudget held = budget;
  held.time_max = std::min<base::Duration>(budget.time_max, owner_.options().query_timeout * 3 / 4);
  return held;
}

template <typename Answer, typename Decode>
std::vector<Answer> Question::ask(std::string_view what, const std::string& body, const Decode& decode) {
  std::vector<size_t> asked;
  std::vector<net::HttpCall> calls;
  for (size_t i = 0; i < peers_.size(); ++i) {
    if (is_missing_[i]) continue;
    asked.push_back(i);
    calls.push_back({.server = peers_[i].query,
                     .method = "POST",
                     .target = fmt::format("/api/bs/v1/peers/{}", what),
                     .headers = {{"content-type", std::string(kPeersContentType)}, {"accept-encoding", "identity"}},
                     .body = body});
  }
  if (calls.empty()) return {};
  const base::Duration started = owner_.now();
  auto replies =
      http_->call(calls, [&](size_t i) { owner_.counters_of(peers_[asked[i]].name).asked(owner_.now() - started); });
  std::vector<Answer> answers;
  for (size_t i = 0; i < replies.size(); ++i) {
    const PeerAddress& peer = peers_[asked[i]];
    Result<std::string> bytes = body_of(std::move(replies[i]), peer.name);
    if (!bytes) {
      miss(asked[i], std::move(bytes.error()));
      continue;
    }
    owner_.counters_of(peer.name).answered(bytes->size());
    Result<Answer> answer = decode(*bytes);
    if (answer) {
      answers.push_back(std::move(*answer));
    } else {
      miss(asked[i], {answer.error().code, fmt::format("{}: {}", peer.name, answer.error().message)});
    }
  }
  return answers;
}

}  // namespace

std::unique_ptr<Peers> make_remote_peers(std::function<std::vector<PeerAddress>()> peers, RemotePeersOptions options,
                                         const base::Clock& clock, base::Metrics& metrics) {
  return std::make_unique<RemotePeers>(std::move(peers), options, clock, metrics);
}

}  // namespace backstitch::store
