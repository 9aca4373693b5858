// The fragments of a trace as docs/formats/native-api.md writes them, and back: in the answer's JSON, or in a header of
// the answer that is protobuf. Private to api/native.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json_writer.h"
#include "base/result.h"
#include "model/trace.h"

namespace backstitch::api {

constexpr const char* kFragmentsHeader = "x-backstitch-fragments";

// As a field of the object that is open: [{"spanCount":…,"open":…,"sealedTimeUnixNano":…,"endedBy":…,"joined":…}].
void write_fragments(base::JsonWriter& json, const std::vector<model::TraceFragment>& fragments);
// The list alone, of the newest kHeaderFragmentsMax: what is older than these counts as one with the first.
constexpr size_t kHeaderFragmentsMax = 40;
std::string fragments_header(const std::vector<model::TraceFragment>& fragments);
// Malformed where it is no such list.
base::Result<std::vector<model::TraceFragment>> read_fragments_header(std::string_view json);

}  // namespace backstitch::api
