// Fields of our own API's answers, read leniently: one that is absent or of another type is empty.
#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"
#include "query/search.h"

namespace simdjson::dom {
class element;
}

namespace backstitch::api {

std::string text_of(const simdjson::dom::element& object, const char* key);
uint64_t count_of(const simdjson::dom::element& object, const char* key);
bool flag_of(const simdjson::dom::element& object, const char* key);
// 64-bit integers travel as text.
int64_t integer_of(const simdjson::dom::element& object, const char* key);
base::Timestamp time_of(const simdjson::dom::element& object, const char* key);
// "missing", names alone: the nodes that did not answer.
query::Missing read_missing(const simdjson::dom::element& object);

}  // namespace backstitch::api
