// A trace and a row of a search result as docs/formats/native-api.md writes them. Private to api/native.
#pragma once

#include <string_view>

#include "base/json_writer.h"
#include "model/trace.h"
#include "query/search.h"

namespace backstitch::api {

void write_native_trace(base::JsonWriter& json, const model::Trace& trace, const query::Missing& missing);
void write_native_found_trace(base::JsonWriter& json, const store::FoundTrace& found);
// As a field of the object that is open: [{"key":…,"value":{…}}].
void write_attribute_list(base::JsonWriter& json, std::string_view name, const model::Attributes& attributes);

}  // namespace backstitch::api
