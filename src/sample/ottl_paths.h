// The names that OTTL conditions are made of: paths, converters and enums. Known ones are resolved, those that the
// Collector knows and this version does not read are refused by name, and for anything else the nearest is named.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sample/ottl_tree.h"

namespace backstitch::sample {

// One part of a path as it was written: `attributes["a"]` has the name "attributes" and one key.
struct OttlPathPart {
  std::string_view name;
  std::vector<std::string> keys;
};

// InvalidArgument and Unsupported hold what is wrong, without a position.
base::Result<OttlPath> resolve_ottl_path(OttlContext context, std::span<const OttlPathPart> parts);

struct OttlConverterInfo {
  std::string_view name;
  OttlConverter converter;
  std::vector<std::string_view> parameters;
};
base::Result<const OttlConverterInfo*> find_ottl_converter(OttlContext context, std::string_view name);

// STATUS_CODE_ERROR and its like.
base::Result<int64_t> find_ottl_enum(std::string_view name);

}  // namespace backstitch::sample
