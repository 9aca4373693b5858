// The Templates form of a page of strings.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/block/hole_column.h"
#include "store/block/string_codecs.h"

namespace backstitch::store::block {

// What is remembered from page to page: how each hole's column was best encoded.
struct TemplateState {
  IntegerEncoder codes;
  PlainState texts;
  PlainState rest;
  absl::flat_hash_map<std::string, std::vector<HoleState>> holes;  // by template
};

// False, and nothing appended, where hardly a string shares a template with others.
bool put_templates(std::span<const std::string_view> values, TemplateState& state, std::string& out);

base::Result<> take_templates(PageReader& reader, size_t count, Strings& out);

// The strings at `picks`, which ascend and are below `count`. Columns of templates that none has are passed over.
base::Result<> pick_templates(PageReader& reader, size_t count, std::span<const uint32_t> picks, Strings& out);

// The first string that equals `needle`.
base::Result<std::optional<size_t>> find_in_templates(PageReader& reader, size_t count, std::string_view needle);

}  // namespace backstitch::store::block
