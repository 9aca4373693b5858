#include "route/dispatcher.h"

#include <algorithm>

namespace backstitch::route {

using base::Result;

Dispatcher::Dispatcher(DispatcherOptions options, MemberSource& members, World world)
    : options_(options),
      members_(members),
      world_(world),
      undivided_(world.metrics.counter("backstitch_route_undivided_requests",
                                       "Requests sent whole to one member, since their parts would repeat too much")),
      routing_(std::make_shared<const Routing>()) {
  members.watch([this](const std::shared_ptr<const Members>& now) { adopt(now); }, this);
  world_.metrics.gauge("backstitch_route_members_away", "Members that are left alone since they could not be reached",
                       [this] { return members_away(); });
}

Dispatcher::~Dispatcher() {
  members_.forget(this);
  world_.metrics.gauge("backstitch_route_members_away", "", [] { return 0.0; });
}

// The lock is not held while links are made: they register metrics, and metrics ask members_away().
void Dispatcher::adopt(const std::shared_ptr<const Members>& members) {
  const auto before = routing();
  auto next = std::make_shared<Routing>();
  next->members = members;
  next->metadata = {{std::string(kEpochHeader), members->epoch_text()}};
  for (const Member& member : members->all()) {
    const auto known = std::ranges::find(before->links, member.name, [](const auto& link) { return link->name(); });
    if (known != before->links.end()) {
      next->links.push_back(*known);
      continue;
    }
    const MemberLinkOptions options{.name = member.name,
                                    .timeout = options_.timeout,
                                    .connections = options_.connections,
                                    .seed = options_.seed + ++links_made_};
    next->links.push_back(std::make_shared<MemberLink>(options, world_.clock, world_.metrics));
  }
  const std::lock_guard lock(mutex_);
  routing_ = std::move(next);
}

std::shared_ptr<const Dispatcher::Routing> Dispatcher::routing() const {
  const std::lock_guard lock(mutex_);
  return routing_;
}

double Dispatcher::members_away() const {
  const auto now = routing();
  return static_cast<double>(std::ranges::count_if(now->links, [](const auto& link) { return link->is_away(); }));
}

Result<Dispatched> Dispatcher::dispatch(std::shared_ptr<const std::string> request) {
  const auto routing = this->routing();
  const base::Duration give_up = world_.clock.monotonic() + options_.give_up_after;
  Dispatched done;
  std::vector<bool> excluded(routing->links.size());
  Result<std::vector<Part>> parts = divide(*routing, {std::move(request), 0}, excluded, &done.spans);
  if (!parts) return std::unexpected(parts.error());
  while (!parts->empty()) {
    std::vector<Part> away = send(*routing, std::move(*parts), excluded, done);
    if (is_hurried_ || world_.clock.monotonic() >= give_up) excluded.assign(excluded.size(), true);
    *parts = reroute(*routing, std::move(away), excluded, done);
  }
  return done;
}

// Where there is nobody to send to, one part comes back all the same: dispatch() leaves it over.
Result<std::vector<Dispatcher::Part>> Dispatcher::divide(const Routing& routing, const Body& body,
                                                         const std::vector<bool>& excluded, uint64_t* spans) {
  std::unique_ptr<wire::otlp::Splitter> splitter;
  {
    const std::lock_guard lock(mutex_);
    if (!splitters_.empty()) {
      splitter = std::move(splitters_.back());
      splitters_.pop_back();
    }
  }
  if (splitter == nullptr) splitter = std::make_unique<wire::otlp::Splitter>(options_.limits);
  const auto targets = static_cast<uint32_t>(std::max<size_t>(1, routing.links.size()));
  Result<wire::otlp::Split> split = splitter->split(*body.bytes, targets, [&](uint64_t low64) {
    return static_cast<uint32_t>(routing.members == nullptr ? 0
                                                            : routing.members->first_of(low64, excluded).value_or(0));
  });
  {
    const std::lock_guard lock(mutex_);
    splitters_.push_back(std::move(splitter));
  }
  if (!split) return std::unexpected(split.error());
  if (split->is_undivided) undivided_.add();
  if (spans != nullptr) *spans = split->spans;
  std::vector<Part> parts;
  for (wire::otlp::RequestPart& part : split->parts) {
    auto bytes = part.is_whole ? body.bytes : std::make_shared<const std::string>(std::move(part.bytes));
    parts.push_back({{std::move(bytes), part.spans}, part.target});
  }
  return parts;
}

std::vector<Dispatcher::Part> Dispatcher::send(const Routing& routing, std::vector<Part> parts,
                                               std::vector<bool>& excluded, Dispatched& done) {
  std::vector<Part> away;
  std::vector<std::pair<Part, MemberLink::Sending>> under_way;
  for (Part& part : parts) {
    if (routing.links.empty() || routing.links[part.target]->is_busy()) {
      done.left.push_back(std::move(part.body));
    } else if (!routing.links[part.target]->may_send()) {
      away.push_back(std::move(part));
    } else {
      auto sending = routing.links[part.target]->send(part.body.bytes, part.body.spans, routing.metadata);
      under_way.emplace_back(std::move(part), std::move(sending));
    }
  }
  for (auto& [part, sending] : under_way) {
    Delivered delivered = sending.wait();
    if (done.message.empty()) done.message = delivered.message;
    switch (delivered.delivery) {
      case Delivery::Accepted:
        ++done.taken_parts;
        done.rejected_spans += delivered.rejected_spans;
        break;
      case Delivery::Refused:
        if (done.refused_parts++ == 0) done.is_too_large = delivered.is_too_large;
        done.refused_spans += part.body.spans;
        break;
      case Delivery::Busy:
        done.left.push_back(std::move(part.body));
        break;
      case Delivery::Away:
        away.push_back(std::move(part));
        break;
    }
  }
  for (const Part& part : away) excluded[part.target] = true;
  return away;
}

std::vector<Dispatcher::Part> Dispatcher::reroute(const Routing& routing, std::vector<Part> parts,
                                                  const std::vector<bool>& excluded, Dispatched& done) {
  std::vector<Part> next;
  const bool is_anybody_left = std::ranges::count(excluded, false) != 0;
  for (Part& part : parts) {
    // It was divided before, so it can be again.
    auto divided = is_anybody_left ? divide(routing, part.body, excluded, nullptr) : std::vector<Part>{};
    if (!divided || divided->empty()) {
      done.left.push_back(std::move(part.body));
      continue;
    }
    world_.metrics
        .counter("backstitch_route_rerouted_spans", "Spans that went to the next member, since theirs was away",
                 {{"member", routing.links[part.target]->name()}})
        .add(part.body.spans);
    std::ranges::move(*divided, std::back_inserter(next));
  }
  return next;
}

}  // namespace backstitch::route
