// What the native API's handlers share: how answers and errors look. Private to api/native.
#pragma once

#include "api/http/status.h"
#include "base/json_writer.h"
#include "net/http.h"

namespace backstitch::api {

// Headers of a trace as protobuf, "true" where its JSON has "open" or "partial" so; names in lower case.
constexpr const char* kOpenHeader = "x-backstitch-open";
constexpr const char* kPartialHeader = "x-backstitch-partial";

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

}  // namespace backstitch::api
