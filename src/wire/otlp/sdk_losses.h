// What a resource says that the SDK of its process lost: the attributes backstitch.sdk.dropped.REASON of
// docs/spec/sdk-drops.md.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"

namespace backstitch::wire::otlp {

inline constexpr std::string_view kSdkDroppedPrefix = "backstitch.sdk.dropped.";

// Borrows from the resource's bytes.
struct SdkLossReport {
  static constexpr size_t kReasonsMax = 16;
  static constexpr size_t kReasonBytesMax = 64;
  struct Total {
    std::string_view reason;
    uint64_t spans = 0;

    bool operator==(const Total&) const = default;
  };

  std::string_view service = "unknown_service";
  std::string_view instance;  // "": there is no service.instance.id
  std::vector<Total> totals;  // in the order of the attributes; none is of 0 spans
  // Attributes that are not among `totals`, though they are not 0:
  uint64_t without_count = 0;  // negative, or no int
  uint64_t too_long = 0;       // the reason: beyond kReasonBytesMax, or empty
  uint64_t too_many = 0;       // beyond kReasonsMax
};

// `resource` is a Resource message; WalkResult says of which requests it is worth reading. Where an attribute stands
// twice, the first service.name and service.instance.id count; totals are told as they come. Malformed where `resource`
// is no Resource message.
base::Result<SdkLossReport> read_sdk_losses(std::string_view resource);

}  // namespace backstitch::wire::otlp
