// Faults that one request carries: the header, or gRPC metadata, x-lab-fault. Every service copies it to everyone it
// calls, and acts on the entries that name it.
//
//   x-lab-fault: cart=fail:not-found:no%20such%20cart,checkout=rename:internal
//
// Entries are SERVICE=ACTION[:ARGUMENT[:MORE]] with commas between them; white space around an entry is ignored.
//
// | Action               | The service                                                                               |
// |----------------------|-------------------------------------------------------------------------------------------|
// | fail:CODE[:MESSAGE]  | fails so after its own work, and calls nobody. MESSAGE is percent-decoded                 |
// | rename:CODE          | answers CODE whenever an upstream failed, as RENAME_TO                                    |
// | slow:DURATION        | works that much longer; stops when its time is over, and answers deadline-exceeded        |
// | stall:DURATION       | works that much longer, whatever the deadline: its caller gives up first                  |
// | swallow              | succeeds though an upstream failed, as FAIL_OPEN                                          |
// | commit:true, :false  | says right after its own work whether a side effect happened                              |
// | break                | HTTP: ends its answer in the middle, and closes. gRPC: answers unavailable                |
// | crash                | ends its process at once, with exit code 3                                                |
//
// Several entries may name one service; of two with the same action the later counts. CODE and DURATION are those of
// the settings, but that `fail` cannot name a custom code with ':'. A list that cannot be read is answered with
// invalid-argument (HTTP 400) and a message that names the entry; nothing else happens then.
//
// Over HTTP, cpp-httplib percent-decodes the values of headers before anybody sees them. So a ',' in a message is
// written %252C over HTTP, and %2C over gRPC; a ' ' may be %20 in both. Services see to that for those whom they call.
#pragma once

#include <backstitch/error_code.h>
#include <chrono>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace backstitch::lab {

constexpr const char* kFaultHeader = "x-lab-fault";
constexpr size_t kFaultBytesMax = 4096;  // of all entries together

// What one service is to do to one request.
struct Faults {
  std::optional<sdk::ErrorCode> fail_with;
  std::string message;  // with fail_with
  std::optional<sdk::ErrorCode> rename_to;
  std::chrono::nanoseconds slow{0};
  std::chrono::nanoseconds stall{0};
  bool is_swallowing = false;
  std::optional<bool> is_committed;
  bool is_breaking = false;
  bool is_crashing = false;
};

// Those for `service`. Every entry is checked, also others'. The error is a sentence that names the entry.
std::expected<Faults, std::string> read_faults(std::string_view list, std::string_view service);

// The list as it is to be sent so that the callee reads the same: over HTTP, where its library decodes it once, and
// over gRPC, which takes printable ASCII only.
std::string faults_for_http(std::string_view list);
std::string faults_for_grpc(std::string_view list);

}  // namespace backstitch::lab
