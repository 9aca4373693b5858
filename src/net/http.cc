#include "net/http.h"

#include <algorithm>
#include <cassert>

#include "base/json_writer.h"

namespace backstitch::net {

namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

std::string decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      const int high = hex_digit(text[i + 1]);
      const int low = hex_digit(text[i + 2]);
      if (high >= 0 && low >= 0) {
        out += static_cast<char>(high * 16 + low);
        i += 2;
        continue;
      }
    }
    out += plus_is_space && text[i] == '+' ? ' ' : text[i];
  }
  return out;
}

// "/a/b" → {a, b}; "/" → {""}.
std::vector<std::string_view> split_path(std::string_view path) {
  std::vector<std::string_view> segments;
  if (path.starts_with('/')) path.remove_prefix(1);
  while (true) {
    const size_t slash = path.find('/');
    segments.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return segments;
    path.remove_prefix(slash + 1);
  }
}

bool is_capture(std::string_view segment) {
  return segment.size() >= 2 && segment.front() == '{' && segment.back() == '}';
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

}  // namespace

std::optional<std::string_view> HttpRequest::parameter(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return value;
  }
  return std::nullopt;
}

std::optional<std::string_view> HttpRequest::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return std::nullopt;
}

void HttpRouter::add(std::string method, std::string pattern, Handler handler) {
  assert(pattern.starts_with('/'));
  Route route{.method = std::move(method), .segments = {}, .open_ended = false, .handler = std::move(handler)};
  for (const std::string_view segment : split_path(pattern)) route.segments.emplace_back(segment);
  if (route.segments.back() == "*") {
    route.segments.pop_back();
    route.open_ended = true;
  }
  routes_.push_back(std::move(route));
}

HttpResponse HttpRouter::operator()(HttpRequest& request) const {
  std::vector<std::string> decoded;
  for (const std::string_view segment : split_path(request.path)) decoded.push_back(percent_decode(segment));

  const auto fits = [&](const Route& route) {
    if (decoded.size() < route.segments.size()) return false;
    if (decoded.size() > route.segments.size() && !route.open_ended) return false;
    return std::equal(route.segments.begin(), route.segments.end(), decoded.begin(),
                      [](const std::string& pattern, const std::string& segment) {
                        return is_capture(pattern) ? !segment.empty() : pattern == segment;
                      });
  };

  std::string allowed;
  for (const Route& route : routes_) {
    if (!fits(route)) continue;
    if (route.method != request.method && !(route.method == "GET" && request.method == "HEAD")) {
      if (allowed.find(route.method) == std::string::npos) {
        allowed += allowed.empty() ? route.method : ", " + route.method;
      }
      continue;
    }
    Captures captures;
    for (size_t i = 0; i < route.segments.size(); ++i) {
      if (is_capture(route.segments[i])) captures.push_back(std::move(decoded[i]));
    }
    return route.handler(request, captures);
  }
  if (!allowed.empty()) {
    HttpResponse response =
        error_response(405, "method_not_allowed", request.method + " is not answered here, only " + allowed);
    response.headers.emplace_back("Allow", allowed);
    return response;
  }
  if (not_found_) return not_found_(request);
  return error_response(404, "not_found", "nothing is at " + request.path);
}

std::string percent_decode(std::string_view text) { return decode(text, false); }

std::string percent_encode(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (is_unreserved(c)) {
      out += c;
    } else {
      out += '%';
      out += kHex[static_cast<unsigned char>(c) >> 4];
      out += kHex[static_cast<unsigned char>(c) & 15];
    }
  }
  return out;
}

std::vector<std::pair<std::string, std::string>> parse_query(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> parameters;
  while (!text.empty()) {
    const size_t end = text.find('&');
    const std::string_view part = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (part.empty()) continue;
    const size_t equals = part.find('=');
    const std::string_view value = equals == std::string_view::npos ? std::string_view() : part.substr(equals + 1);
    parameters.emplace_back(decode(part.substr(0, equals), true), decode(value, true));
  }
  return parameters;
}

std::string to_lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

HttpResponse error_response(int status, std::string_view code, std::string_view message) {
  HttpResponse response;
  response.status = status;
  response.body = "{\"error\":{\"code\":";
  base::append_json_string(code, response.body);
  response.body += ",\"message\":";
  base::append_json_string(message, response.body);
  response.body += "}}";
  return response;
}

}  // namespace backstitch::net
