#include "wire/otlp/sdk_losses.h"

#include <fmt/format.h>
#include <optional>

#include "wire/otlp/each_message.h"
#include "wire/otlp/visit.h"

namespace backstitch::wire::otlp {
namespace {

struct KeyValue {
  std::string_view key;
  std::string_view value;  // an AnyValue
};

// A field that stands twice counts as decode_request takes it: the last one.
KeyValue key_value(Cursor reader) {
  KeyValue read;
  while (!reader.at_end()) {
    const uint32_t tag = reader.tag();
    if (tag == tag_of(kKeyValueKey, WireType::Bytes)) {
      read.key = reader.bytes().view();
    } else if (tag == tag_of(kKeyValueValue, WireType::Bytes)) {
      read.value = reader.bytes().view();
    } else {
      reader.skip(tag);
    }
  }
  return read;
}

std::string_view text_in(std::string_view any_value) {
  const auto scalar = scalar_of(any_value);
  const auto* text = scalar ? std::get_if<std::string_view>(&*scalar) : nullptr;
  return text == nullptr ? std::string_view() : *text;
}

// Nothing where it is no int, or negative.
std::optional<uint64_t> count_in(std::string_view any_value) {
  const auto scalar = scalar_of(any_value);
  const auto* count = scalar ? std::get_if<int64_t>(&*scalar) : nullptr;
  if (count == nullptr || *count < 0) return std::nullopt;
  return static_cast<uint64_t>(*count);
}

void add_total(std::string_view reason, std::string_view any_value, SdkLossReport& report) {
  const std::optional<uint64_t> spans = count_in(any_value);
  if (!spans) {
    ++report.without_count;
  } else if (*spans == 0) {
    return;
  } else if (reason.empty() || reason.size() > SdkLossReport::kReasonBytesMax) {
    ++report.too_long;
  } else if (report.totals.size() == SdkLossReport::kReasonsMax) {
    ++report.too_many;
  } else {
    report.totals.push_back({reason, *spans});
  }
}

}  // namespace

base::Result<SdkLossReport> read_sdk_losses(std::string_view resource) {
  SdkLossReport report;
  bool has_service = false, has_instance = false;
  try {
    each(Cursor::reading(resource), kResourceAttributes, [&](Cursor attribute) {
      const auto [key, value] = key_value(attribute);
      if (key.starts_with(kSdkDroppedPrefix)) {
        add_total(key.substr(kSdkDroppedPrefix.size()), value, report);
      } else if (key == "service.name" && !has_service) {
        has_service = true;
        if (const std::string_view name = text_in(value); !name.empty()) report.service = name;
      } else if (key == "service.instance.id" && !has_instance) {
        has_instance = true;
        report.instance = text_in(value);
      }
    });
  } catch (const WireFault& fault) {
    return base::fail(base::Errc::Malformed, fmt::format("{} at byte {}", fault.what, fault.at - resource.data()));
  }
  return report;
}

}  // namespace backstitch::wire::otlp
