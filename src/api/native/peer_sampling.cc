#include "api/native/peer_sampling.h"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>

#include "api/native/answers.h"
#include "api/native/why.h"
#include "net/http_client.h"

namespace backstitch::api {

using base::Errc;
using base::Result;
using query::Missing;
using query::TraceWhy;

namespace {

struct PeerReply {
  PeerNode peer;
  Result<net::HttpReply> reply;
};

bool has(const Missing& missing, const std::string& name) {
  return std::ranges::find(missing, name, &store::MissingPeer::name) != missing.end();
}

std::vector<PeerReply> ask(const SamplingQuestions& sampling, const char* method, const std::string& target,
                           const Missing& skip) {
  if (!sampling.peers) return {};
  std::vector<PeerNode> peers = sampling.peers();
  std::erase_if(peers, [&](const PeerNode& peer) { return has(skip, peer.name); });
  std::vector<net::HttpCall> calls;
  for (const PeerNode& peer : peers) {
    calls.push_back({.server = peer.query,
                     .method = method,
                     .target = target,
                     .headers = {{kScopeHeader, kScopeLocal}, {"accept", "application/json"}},
                     .body = {}});
  }
  std::vector<PeerReply> answers;
  if (!sampling.peer_slots->try_acquire()) {
    for (PeerNode& peer : peers) {
      answers.push_back({std::move(peer), base::fail(Errc::Overloaded, "too many questions to other nodes at a time")});
    }
    return answers;
  }
  auto replies = net::HttpFanout::create({.timeout = sampling.peer_timeout})->call(calls);
  sampling.peer_slots->release();
  for (size_t i = 0; i < peers.size(); ++i) answers.push_back({std::move(peers[i]), std::move(replies[i])});
  return answers;
}

store::MissingPeer missing_of(PeerReply answer) {
  if (!answer.reply) return {std::move(answer.peer.name), std::move(answer.reply.error())};
  return {answer.peer.name,
          {Errc::Io, fmt::format("{} answered with status {}", answer.peer.name, answer.reply->status)}};
}

}  // namespace

Result<TraceWhy> why_everywhere(const SamplingQuestions& sampling, const model::TraceId& id, const Missing& skip) {
  Result<TraceWhy> all = sampling.why(id);
  if (!all || !sampling.peers) return all;
  for (query::WhyDecision& one : all->decisions) one.node = sampling.self();
  all->missing = skip;
  for (PeerReply& answer : ask(sampling, "GET", why_target(id), skip)) {
    if (answer.reply && answer.reply->status == 404) continue;
    const bool is_answer = answer.reply && answer.reply->status == 200;
    auto why = is_answer ? read_why(answer.reply->body) : Result<TraceWhy>(TraceWhy());
    if (!is_answer || !why) {
      if (!why) answer.reply = std::unexpected(std::move(why.error()));
      all->missing.push_back(missing_of(std::move(answer)));
      continue;
    }
    for (query::WhyDecision& one : why->decisions) {
      one.node = answer.peer.name;
      all->decisions.push_back(std::move(one));
    }
    all->is_partial = all->is_partial || why->is_partial;
    all->reopen_until = std::max(all->reopen_until, why->reopen_until);
  }
  all->is_partial = all->is_partial || !all->missing.empty();
  std::ranges::stable_sort(all->decisions, {}, [](const query::WhyDecision& one) { return one.decision.decided; });
  return all;
}

Result<KeptTrace> keep_everywhere(const SamplingQuestions& sampling, const model::TraceId& id) {
  KeptTrace all;
  const auto kept = sampling.keep(id);
  if (!kept && (!sampling.peers || kept.error().code != Errc::NotFound)) return std::unexpected(kept.error());
  if (!sampling.peers) return all;
  if (kept) all.nodes.push_back(sampling.self());
  for (PeerReply& answer : ask(sampling, "POST", keep_target(id), {})) {
    if (answer.reply && answer.reply->status == 200) {
      all.nodes.push_back(answer.peer.name);
    } else if (!answer.reply || answer.reply->status != 404) {
      all.missing.push_back(missing_of(std::move(answer)));
    }
  }
  if (!all.nodes.empty()) return all;
  base::Error error = kept.error();
  if (!all.missing.empty()) error.message += fmt::format("; {} did not answer", query::names_of(all.missing));
  return std::unexpected(std::move(error));
}

}  // namespace backstitch::api
