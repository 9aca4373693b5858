// The spans of testdata/ottl_cases.txt, as a condition sees them.
#pragma once

#include <charconv>
#include <deque>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "base/hex.h"
#include "sample/span_input.h"

namespace backstitch::sample {

struct OttlCaseEvent {
  std::string name;
  base::Timestamp time;
  std::map<std::string, model::Value> attributes;
};

struct OttlCaseSpan {
  model::SpanView view;
  std::string name;
  std::string status_message;
  std::string trace_state;
  std::string scope_name;
  std::string scope_version;
  std::map<std::string, model::Value> resource;
  std::map<std::string, model::Value> scope;
  std::map<std::string, model::Value> attributes;
  std::deque<OttlCaseEvent> events;
};

// A span with the slots that `fields` asks for. Borrows the span.
class OttlCaseInput {
 public:
  OttlCaseInput(const OttlCaseSpan& span, const SpanFields& fields) : view_(span.view) {
    view_.name = span.name;
    if (fields.status_message) view_.status_message = span.status_message;
    if (fields.trace_state) view_.trace_state = span.trace_state;
    if (!fields.flags) view_.flags = 0;
    attributes_ = values(span.attributes, fields.span);
    resource_ = values(span.resource, fields.resource);
    scope_ = values(span.scope, fields.scope);
    input_.span = &view_;
    input_.attributes = attributes_;
    input_.resource = resource_;
    input_.scope = scope_;
    if (fields.scope_name_and_version) {
      input_.scope_name = span.scope_name;
      input_.scope_version = span.scope_version;
    }
    if (!fields.events) return;
    for (const OttlCaseEvent& event : span.events) {
      event_attributes_.push_back(values(event.attributes, fields.event));
      events_.push_back({.name = event.name, .time = event.time, .attributes = event_attributes_.back()});
    }
    input_.events = events_;
  }
  OttlCaseInput(const OttlCaseInput&) = delete;
  OttlCaseInput& operator=(const OttlCaseInput&) = delete;

  const SpanInput& input() const { return input_; }

 private:
  static std::vector<ValueView> values(const std::map<std::string, model::Value>& from,
                                       const std::vector<std::string>& keys) {
    std::vector<ValueView> views;
    for (const std::string& key : keys) {
      const auto found = from.find(key);
      views.push_back(view_of(found == from.end() ? nullptr : &found->second));
    }
    return views;
  }

  model::SpanView view_;
  std::vector<ValueView> attributes_;
  std::vector<ValueView> resource_;
  std::vector<ValueView> scope_;
  std::deque<std::vector<ValueView>> event_attributes_;
  std::vector<EventInput> events_;
  SpanInput input_;
};

namespace ottl_cases {

inline std::pair<std::string, std::string> cut(const std::string& text) {
  const size_t blank = text.find(' ');
  if (blank == std::string::npos) return {text, ""};
  return {text.substr(0, blank), text.substr(blank + 1)};
}

inline std::string bytes_of(const std::string& hex) {
  std::string bytes(hex.size() / 2, '\0');
  base::from_hex(hex, {reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()});
  return bytes;
}

inline std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, at);) parts.push_back(part);
  return parts;
}

// Throws where the text is no number.
template <typename Number>
Number number_of(const std::string& text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) throw std::invalid_argument(text);
  return number;
}

// "int 5", "strings a,b": a list, or a map where there is a '='.
inline model::Value value_of(const std::string& text) {
  const auto [kind, content] = cut(text);
  if (kind == "string") return content;
  if (kind == "int") return number_of<int64_t>(content);
  if (kind == "double") return number_of<double>(content);
  if (kind == "bool") return content == "true";
  if (kind == "bytes") return model::Bytes{bytes_of(content)};
  if (kind == "empty") return {};
  model::Array list;
  model::KeyValues map;
  for (const std::string& part : split(content, ',')) {
    const size_t equals = part.find('=');
    if (kind == "ints") {
      list.values.emplace_back(number_of<int64_t>(part));
    } else if (equals == std::string::npos) {
      list.values.emplace_back(part);
    } else {
      map.entries.push_back({part.substr(0, equals), part.substr(equals + 1)});
    }
  }
  if (!map.entries.empty()) return map;
  return list;
}

inline void read_line(const std::string& line, std::deque<OttlCaseSpan>& spans) {
  const auto [word, text] = cut(line);
  if (word == "span") spans.emplace_back();
  if (spans.empty()) return;
  OttlCaseSpan& span = spans.back();
  if (word == "name") span.name = text;
  if (word == "kind") span.view.kind = static_cast<model::SpanKind>(number_of<int>(text));
  if (word == "trace_id") span.view.trace_id = model::TraceId::from_bytes(bytes_of(text).data());
  if (word == "span_id") span.view.span_id = model::SpanId::from_bytes(bytes_of(text).data());
  if (word == "parent") span.view.parent_span_id = model::SpanId::from_bytes(bytes_of(text).data());
  if (word == "start") span.view.start = {number_of<uint64_t>(text)};
  if (word == "end") span.view.end = {number_of<uint64_t>(text)};
  if (word == "flags") span.view.flags = number_of<uint32_t>(text);
  if (word == "trace_state") span.trace_state = text;
  if (word == "scope") std::tie(span.scope_name, span.scope_version) = cut(text);
  if (word == "status") {
    span.view.status = static_cast<model::StatusCode>(number_of<int>(cut(text).first));
    span.status_message = cut(text).second;
  }
  if (word == "event") {
    const auto [name, at] = cut(text);
    span.events.push_back(
        {.name = at.empty() ? "" : name, .time = {number_of<uint64_t>(at.empty() ? name : at)}, .attributes = {}});
  }
  if (word != "attribute") return;
  const auto [level, rest] = cut(text);
  const auto [key, value] = cut(rest);
  auto& attributes = level == "resource" ? span.resource
                     : level == "scope"  ? span.scope
                     : level == "event"  ? span.events.back().attributes
                                         : span.attributes;
  attributes[key] = value_of(value);
}

}  // namespace ottl_cases

inline std::deque<OttlCaseSpan> read_ottl_cases(const std::string& path) {
  std::deque<OttlCaseSpan> spans;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) ottl_cases::read_line(line, spans);
  return spans;
}

}  // namespace backstitch::sample
