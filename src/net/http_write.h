// An answer → the bytes of its head, and whether its body goes compressed.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "net/http.h"

namespace backstitch::net {

// What the request and the connection ask of an answer.
struct HttpWriteOptions {
  bool keep_alive = true;
  bool head_only = false;     // HEAD: the head says what GET's would
  bool accepts_gzip = false;  // see accepts_gzip()
  size_t gzip_bytes_min = 1024;
};

struct HttpWire {
  std::string head;       // with the empty line at its end
  std::string_view body;  // in the response, which must outlive this, or static; empty for HEAD
};

// Compresses response.body where that is asked for, allowed and pays. Headers that would break the framing
// (Content-Length, Transfer-Encoding, Connection; names or values with control characters) are left out.
HttpWire to_wire(HttpResponse& response, const HttpWriteOptions& options);

// Whether an Accept-Encoding header takes gzip: named, or under "*", with a quality that is not zero.
bool accepts_gzip(std::string_view accept_encoding);

// "Not Found" for 404; "Unknown" for what has no name here.
std::string_view reason_phrase(int status);

}  // namespace backstitch::net
