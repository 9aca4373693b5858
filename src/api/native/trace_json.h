// A trace and a search result's row as docs/formats/native-api.md writes them. Private to api/native.
#pragma once

#include "base/json_writer.h"
#include "model/trace.h"

namespace backstitch::api {

void write_native_trace(base::JsonWriter& json, const model::Trace& trace);
void write_native_summary(base::JsonWriter& json, const model::TraceSummary& summary);

}  // namespace backstitch::api
