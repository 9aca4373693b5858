// OpenTelemetry's environment variables:
// https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backstitch/tracer_provider.h"

namespace backstitch::sdk {

// A variable's value; nothing where it is unset.
using Lookup = std::function<std::optional<std::string>(const std::string& name)>;

// `options`, overruled by what `lookup` finds. An empty value is as if it weren't there; one that cannot be read too,
// and options.on_problem is told. Throws for memory.
TracerProviderOptions apply_environment(TracerProviderOptions options, const Lookup& lookup);

// "key1=value1,key2=value2" with percent-encoded values, as in OTEL_RESOURCE_ATTRIBUTES and OTEL_EXPORTER_OTLP_HEADERS.
// Nothing if any of it is malformed.
std::optional<std::vector<std::pair<std::string, std::string>>> parse_pairs(std::string_view text);

}  // namespace backstitch::sdk
