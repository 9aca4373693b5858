// Which fields the ingest walk must look at: attributes to hand out, attributes to mask. Compiled once from the
// configuration, so that a request pays only for what somebody asked for.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace backstitch::model {

enum class AttributeLevel : uint8_t { Resource, Scope, Span, Event, Link };

struct AttributeSelector {
  AttributeLevel level = AttributeLevel::Span;
  std::string key;

  bool operator==(const AttributeSelector&) const = default;
};

struct FeaturePlan {
  static constexpr size_t kAttributesMax = 64;
  // SpanView::selected[i] is the value of the i-th of these at span level, and so at resource and scope level; what
  // stands at the others is not handed out.
  std::vector<AttributeSelector> attributes;
  bool events = false;  // fill SpanView::events
  // Attributes whose key contains one of these are masked; compared without case, and with '-', '_' and '.'
  // left out of both sides. Each pattern is lower-case letters and digits (config validates).
  std::vector<std::string> redact;
};

// authorization, cookie (set-cookie with it), password, passwd, secret, token, api key.
std::vector<std::string> default_redact_patterns();

// True where one of the patterns fits `key`. The naive twin of what the walk caches.
bool is_redacted(std::string_view key, const std::vector<std::string>& patterns);

}  // namespace backstitch::model
