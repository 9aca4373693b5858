// Flags of the verbs that ask a server: which one, and what to look for.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "api/native/client.h"

namespace CLI {
class App;
}

namespace backstitch::app {

// --server URL, else BACKSTITCH_SERVER, else the default listener of `serve`.
std::shared_ptr<std::string> add_server_flag(CLI::App& verb);

struct SearchFlags {
  std::string traceql;
  std::string service, operation, min_duration, max_duration, since;
  std::vector<std::string> tags;
  uint32_t limit = 20;
};
std::shared_ptr<SearchFlags> add_search_flags(CLI::App& verb);
// The query itself, as the verb's argument.
void add_traceql_argument(CLI::App& verb, SearchFlags& flags);
// InvalidArgument names the flag.
base::Result<api::SearchRequest> to_request(const SearchFlags& flags, const base::Clock& clock);

}  // namespace backstitch::app
