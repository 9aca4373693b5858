// Random query texts and random traces that they sometimes match, by seed: for differential tests of whatever
// evaluates queries.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "base/random.h"
#include "model/trace.h"

namespace backstitch::traceql {

// Texts that parse() takes. `depth` bounds how deep operators nest.
class RandomQueries {
 public:
  explicit RandomQueries(base::Random& random) : random_(random) {}

  // Any query; a metrics query now and then.
  std::string query(int depth = 3) {
    std::string text = pipeline(depth);
    if (random_.chance(0.2)) text += " | " + metrics();
    if (random_.chance(0.1)) text += " with (most_recent=true)";
    return text;
  }
  // One { … }.
  std::string filter(int depth = 3) {
    if (random_.chance(0.05)) return "{ }";
    return "{" + space() + boolean(depth) + space() + "}";
  }

  std::string pipeline(int depth) {
    std::string text = random_.chance(0.85) ? spansets(depth) : "by(" + field() + ")";
    while (random_.chance(0.4)) text += space() + "|" + space() + stage(depth);
    return text;
  }

  std::string spansets(int depth) {
    if (depth <= 0 || random_.chance(0.5)) return filter(depth);
    if (random_.chance(0.15)) return "(" + pipeline(depth - 1) + ")";
    const std::string text =
        spansets(depth - 1) + space() +
        pick({"&&", "||", ">>", ">", "~", "<<", "<", "!>>", "!>", "!~", "!<<", "!<", "&>>", "&>", "&~", "&<<", "&<"}) +
        space() + spansets(depth - 1);
    return random_.chance(0.5) ? "(" + text + ")" : text;
  }

  std::string boolean(int depth) {
    if (depth > 0 && random_.chance(0.4)) {
      const std::string text = boolean(depth - 1) + space() + pick({"&&", "||"}) + space() + boolean(depth - 1);
      return random_.chance(0.5) ? "(" + text + ")" : text;
    }
    if (depth > 0 && random_.chance(0.1)) return "!(" + boolean(depth - 1) + ")";
    return comparison(depth);
  }

 private:
  std::string pick(std::initializer_list<std::string_view> choices) {
    return std::string(choices.begin()[random_.below(choices.size())]);
  }
  // Names must end, so there is always one.
  std::string space() { return random_.chance(0.9) ? " " : " \n "; }

  std::string attribute() {
    return pick(
               {".", "span.", "resource.", "event.", "link.", "instrumentation.", "parent.", "parent.span.", "span."}) +
           pick({"a", "b", "c", "\"with space\"", "a.b", "list"});
  }
  std::string text_field() {
    return pick({"name", "statusMessage", "rootName", "rootServiceName", "event:name", "instrumentation:name",
                 "instrumentation:version", "resource.service.name"});
  }
  std::string number_field() {
    return pick({"duration", "traceDuration", "span:childCount", "nestedSetLeft", "nestedSetRight", "nestedSetParent",
                 "event:timeSinceStart"});
  }
  std::string field() {
    return random_.chance(0.5) ? attribute() : random_.chance(0.5) ? text_field() : number_field();
  }

  std::string number() {
    return pick({"0", "1", "2", "-1", "500", "1.5", "-0.25", "1e3", "10ms", "1h30m", "2s", "minInt", "maxInt", "3ns"});
  }
  std::string text() {
    return pick({"\"\"", "\"x\"", "`y`", "\"GET /\"", "\"cart\"", "\"a\\\"b\"", "\"500\"", "\"é\""});
  }

  std::string numeric(int depth) {
    if (depth <= 0 || random_.chance(0.6)) {
      return random_.chance(0.5) ? number() : random_.chance(0.5) ? number_field() : attribute();
    }
    if (random_.chance(0.2)) return "-(" + numeric(depth - 1) + ")";
    const std::string sum = numeric(depth - 1) + " " + pick({"+", "-", "*", "/", "%", "^"}) + " " + numeric(depth - 1);
    return random_.chance(0.5) ? "(" + sum + ")" : sum;
  }

  std::string comparison(int depth) {
    switch (random_.below(10)) {
      case 0:
        return attribute();
      case 1:
        return attribute() + " " + pick({"=", "!="}) + " nil";
      case 2:
        return (random_.chance(0.5) ? attribute() : text_field()) + " " + pick({"=~", "!~"}) + " " +
               pick({"\"x|y\"", "\"GET.*\"", "`.*a.*`", "\"\""});
      case 3:
        return pick({"status = ", "status != ", "ok = "}) + pick({"status", "error", "unset"});
      case 4:
        return "kind " + pick({"=", "!="}) + " " + pick({"server", "client", "unspecified"});
      case 5:
        return attribute() + " " + pick({"=", "!="}) + " " + pick({"true", "false"});
      case 6:
        return (random_.chance(0.5) ? attribute() : text_field()) + " " + order() + " " + text();
      case 7:
        return attribute() + " " + order() + " " + attribute();
      case 8:
        return "resource.service.name = " + pick({"\"x\"", "\"y\"", "\"cart\"", "\"shop\"", "\"500\"", "500"});
      default:
        return numeric(depth) + " " + order() + " " + numeric(depth - 1);
    }
  }
  std::string order() { return pick({"=", "!=", "<", "<=", ">", ">="}); }

  std::string aggregate() {
    if (random_.chance(0.4)) return "count()";
    return pick({"avg", "min", "max", "sum"}) + "(" + (random_.chance(0.5) ? number_field() : attribute()) + ")";
  }
  std::string scalar(int depth) {
    if (depth > 0 && random_.chance(0.2)) return "({ " + boolean(depth - 1) + " } | " + aggregate() + ")";
    if (depth > 0 && random_.chance(0.3)) {
      return "(" + scalar(depth - 1) + " " + pick({"+", "-", "*", "/", "^"}) + " " + scalar(depth - 1) + ")";
    }
    return random_.chance(0.3) ? pick({"1", "2", "-3", "1.5", "10ms"}) : aggregate();
  }
  std::string stage(int depth) {
    switch (random_.below(5)) {
      case 0:
        return "by(" + field() + ")";
      case 1:
        return "coalesce()";
      case 2:
        return "select(" + field() + ", " + field() + ")";
      case 3:
        return aggregate() + " " + order() + " " + scalar(depth - 1);
      default:
        return spansets(depth - 1);
    }
  }
  std::string metrics() {
    std::string text =
        pick({"rate()", "count_over_time()", "avg_over_time(.a)", "quantile_over_time(duration, 0.5, 0.9)",
              "histogram_over_time(duration)", "max_over_time(span.b)"});
    if (random_.chance(0.5)) text += " by (" + field() + ", " + field() + ")";
    if (random_.chance(0.3)) text += pick({" | topk(2)", " | bottomk(1)", " > 1", " <= -0.5"});
    return text;
  }

  base::Random& random_;
};

// Small traces of any shape: several roots, orphans, cycles, shared ids, attributes of every kind under few names.
class RandomTraces {
 public:
  explicit RandomTraces(base::Random& random) : random_(random) {}

  model::Trace trace(size_t spans_max = 12) {
    model::Trace trace;
    trace.id.bytes[15] = static_cast<uint8_t>(1 + random_.below(9));
    trace.resources.push_back({.attributes = {{"service.name", random_.chance(0.5) ? "cart" : value()}}});
    trace.resources.push_back({.attributes = attributes()});
    if (random_.chance(0.9)) trace.resources[1].attributes.push_back({"service.name", "shop"});
    trace.scopes.push_back({.name = "lib", .version = "1.0", .attributes = attributes()});
    const size_t count = 1 + random_.below(spans_max);
    for (size_t i = 0; i < count; ++i) trace.spans.push_back(span(trace.id, i, count));
    return trace;
  }

 private:
  static model::SpanId id_of(uint64_t number) {
    model::SpanId id;
    id.bytes[7] = static_cast<uint8_t>(number);
    id.bytes[6] = static_cast<uint8_t>(number >> 8);
    return id;
  }

  model::Span span(const model::TraceId& trace_id, size_t index, size_t count) {
    model::Span span;
    span.trace_id = trace_id;
    const bool shares_id = index > 0 && random_.chance(0.05);
    span.span_id = id_of(shares_id ? index : index + 1);
    const double which = random_.unit();
    if (which < 0.8 && index > 0) span.parent_span_id = id_of(1 + random_.below(index));
    if (which >= 0.9) span.parent_span_id = id_of(1 + random_.below(2 * count));  // orphans, cycles, itself
    constexpr std::string_view names[] = {"GET /", "x", "y", ""};
    span.name = names[random_.below(4)];
    span.kind = static_cast<model::SpanKind>(random_.below(6));
    span.status.code = static_cast<model::StatusCode>(random_.below(3));
    if (random_.chance(0.3)) span.status.message = "x";
    span.start = {1'000'000'000 + random_.below(5) * 10'000'000};
    span.end = base::offset(span.start, base::Duration(static_cast<int64_t>(random_.below(40'000'000)) - 5'000'000));
    span.attributes = attributes();
    for (size_t i = random_.below(3); i > 0; --i) {
      span.events.push_back({.time = base::offset(span.start, base::Duration(static_cast<int64_t>(random_.below(20)))),
                             .name = random_.chance(0.5) ? "x" : "exception",
                             .attributes = attributes()});
    }
    for (size_t i = random_.below(2); i > 0; --i) {
      span.links.push_back({.trace_id = trace_id, .span_id = id_of(1 + random_.below(9)), .attributes = attributes()});
    }
    span.resource = static_cast<uint32_t>(random_.below(2));
    return span;
  }

  model::Attributes attributes() {
    model::Attributes all;
    for (const std::string_view key : {"a", "b", "c", "with space", "a.b", "list"}) {
      if (random_.chance(0.4)) all.push_back({std::string(key), value()});
    }
    return all;
  }

  model::Value value() {
    switch (random_.below(10)) {
      case 0:
        return true;
      case 1:
        return false;
      case 2:
        return static_cast<int64_t>(random_.below(3));
      case 3:
        return 500;
      case 4:
        return 1.5;
      case 5:
        return model::Array{{"x", "y"}};
      case 6:
        return model::Array{{1, 2, 500}};
      case 7:
        return random_.chance(0.5) ? model::Value(model::Bytes{"x"}) : model::Value();
      default:
        constexpr std::string_view texts[] = {"x", "y", "500", "cart"};
        return texts[random_.below(4)];
    }
  }

  base::Random& random_;
};

}  // namespace backstitch::traceql
