// What the native API's handlers share: how answers and errors look. Private to api/native.
#pragma once

#include "api/http/status.h"
#include "base/json_writer.h"
#include "net/http.h"
#include "query/search.h"

namespace backstitch::api {

// Headers of a trace as protobuf, "true" where its JSON has "open" or "partial" so; names in lower case.
constexpr const char* kOpenHeader = "x-backstitch-open";
constexpr const char* kPartialHeader = "x-backstitch-partial";

// A request with this is answered by this node alone, whatever its peers hold: how nodes ask each other.
constexpr const char* kScopeHeader = "backstitch-scope";
constexpr const char* kScopeLocal = "local";
// Of a trace as protobuf, what its JSON has as "missing": names with ", " between.
constexpr const char* kMissingHeader = "x-backstitch-missing";

// "missing": the names of who did not answer; nothing where everybody did.
inline void write_missing(base::JsonWriter& json, const query::Missing& missing) {
  if (missing.empty()) return;
  json.key("missing");
  json.begin_array();
  for (const store::MissingPeer& one : missing) json.value(one.name);
  json.end_array();
}

inline net::HttpResponse native_error(const base::Error& error) {
  return net::error_response(http_status_of(error.code), base::to_string(error.code), error.message);
}

// An object whose fields `write` adds.
template <typename Write>
net::HttpResponse json_object(Write write) {
  net::HttpResponse response;
  base::JsonWriter json(response.body);
  json.begin_object();
  write(json);
  json.end_object();
  return response;
}

// native_error() with "missing" beside code and message.
inline net::HttpResponse native_error(const base::Error& error, const query::Missing& missing) {
  net::HttpResponse response = json_object([&](base::JsonWriter& json) {
    json.key("error");
    json.begin_object();
    json.field("code", base::to_string(error.code));
    json.field("message", error.message);
    write_missing(json, missing);
    json.end_object();
  });
  response.status = http_status_of(error.code);
  return response;
}

}  // namespace backstitch::api
