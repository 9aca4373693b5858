#include "net/http_write.h"

#include <algorithm>

namespace backstitch::net {

namespace {

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c > 0x20 && c < 0x7f && std::string_view("()<>@,;:\\\"/[]?={}").find(c) == std::string_view::npos;
  });
}

bool is_one_line(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

bool is_ours(std::string_view name) {
  for (const std::string_view own : {"content-length", "transfer-encoding", "connection", "content-type"}) {
    if (equals_ignoring_case(name, own)) return true;
  }
  return false;
}

bool has_header(const HttpResponse& response, std::string_view name) {
  return std::any_of(response.headers.begin(), response.headers.end(),
                     [&](const auto& header) { return equals_ignoring_case(header.first, name); });
}

// Pictures, fonts and archives are compressed already.
bool is_compressible(std::string_view content_type) {
  if (content_type.starts_with("image/")) return content_type.starts_with("image/svg");
  for (const std::string_view prefix : {"font/", "video/", "audio/", "application/gzip", "application/zip"}) {
    if (content_type.starts_with(prefix)) return false;
  }
  return true;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// "0", "0.", "0.0", "0.000".
bool is_zero(std::string_view quality) {
  return quality.starts_with('0') && quality.find_first_not_of("0.") == std::string_view::npos;
}

void append_header(std::string& head, std::string_view name, std::string_view value) {
  head += name;
  head += ": ";
  head += value;
  head += "\r\n";
}

}  // namespace

std::string_view reason_phrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 411:
      return "Length Required";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Unknown";
  }
}

bool accepts_gzip(std::string_view accept_encoding) {
  bool any = false;
  while (!accept_encoding.empty()) {
    const size_t comma = accept_encoding.find(',');
    std::string_view item = accept_encoding.substr(0, comma);
    accept_encoding.remove_prefix(comma == std::string_view::npos ? accept_encoding.size() : comma + 1);
    const size_t semicolon = item.find(';');
    std::string_view quality = semicolon == std::string_view::npos ? "" : trim(item.substr(semicolon + 1));
    if (quality.starts_with("q=") || quality.starts_with("Q=")) quality.remove_prefix(2);
    const std::string_view coding = trim(item.substr(0, semicolon));
    if (equals_ignoring_case(coding, "gzip") || equals_ignoring_case(coding, "x-gzip")) return !is_zero(quality);
    if (coding == "*") any = !is_zero(quality);
  }
  return any;
}

HttpWire to_wire(HttpResponse& response, const HttpWriteOptions& options) {
  const bool has_body = response.status >= 200 && response.status != 204 && response.status != 304;
  std::string_view body = response.static_body ? *response.static_body : std::string_view(response.body);
  const bool gzip_is_an_option = has_body && body.size() >= options.gzip_bytes_min &&
                                 is_compressible(response.content_type) && !has_header(response, "content-encoding");
  bool compressed = false;
  if (gzip_is_an_option && options.accepts_gzip) {
    std::string smaller = gzip(body);
    compressed = smaller.size() < body.size();
    if (compressed) {
      response.body = std::move(smaller);
      response.static_body.reset();
      body = response.body;
    }
  }

  HttpWire wire;
  wire.head.reserve(256);
  wire.head += "HTTP/1.1 " + std::to_string(response.status) + " ";
  wire.head += reason_phrase(response.status);
  wire.head += "\r\n";
  if (has_body) {
    if (!response.content_type.empty() && is_one_line(response.content_type)) {
      append_header(wire.head, "Content-Type", response.content_type);
    }
    append_header(wire.head, "Content-Length", std::to_string(body.size()));
  }
  if (compressed) append_header(wire.head, "Content-Encoding", "gzip");
  if (gzip_is_an_option && !has_header(response, "vary")) append_header(wire.head, "Vary", "Accept-Encoding");
  for (const auto& [name, value] : response.headers) {
    if (is_token(name) && is_one_line(value) && !is_ours(name)) append_header(wire.head, name, value);
  }
  append_header(wire.head, "Connection", options.keep_alive ? "keep-alive" : "close");
  wire.head += "\r\n";
  if (has_body && !options.head_only) wire.body = body;
  return wire;
}

}  // namespace backstitch::net
