// The list of members as a process gets it from its configuration, the real disk and the real resolver.
#pragma once

#include <memory>
#include <string>

#include "app/config.h"
#include "base/counters.h"
#include "base/file_system.h"
#include "base/result.h"
#include "route/member_source.h"

namespace backstitch::app {

// `files` and `metrics` outlive it. Errors as MemberSource::open.
base::Result<std::unique_ptr<route::MemberSource>> open_members(const PeersConfig& peers, base::FileSystem& files,
                                                                base::Metrics& metrics);

// Which of `members` this node is. `listener`: the bound address of its OTLP gRPC, "" where that is off. NotFound as
// route::find_self.
base::Result<std::string> self_among(const route::Members& members, const PeersConfig& peers,
                                     const std::string& listener);

}  // namespace backstitch::app
