#include "store/conformance/random_traceql.h"

#include <fmt/format.h>

namespace backstitch::store::conformance {
namespace {

using base::Random;

template <size_t N>
std::string one_of(Random& random, const char* const (&all)[N]) {
  return all[random.below(N)];
}

constexpr const char* kKeys[] = {"http.status_code", "user.id", "ok", "ratio", "blob", "list", "host", "service.name"};
constexpr const char* kScopes[] = {"span.", "span.",  "span.", "resource.",       ".",
                                   ".",     "event.", "link.", "instrumentation."};
constexpr const char* kOrders[] = {"=", "!=", "<", "<=", ">", ">="};

std::string attribute(Random& random) { return one_of(random, kScopes) + one_of(random, kKeys); }

std::string text_literal(Random& random) {
  return one_of(
      random, {"\"alice\"", "\"bob\"", "\"a b\"", "\"\"", "\"200\"", "\"true\"", "`cart`", "\"checkout\"", "\"two\""});
}

std::string literal(Random& random) {
  switch (random.below(4)) {
    case 0:
      return fmt::format("{}", random.below(4) * 100 + 200);
    case 1:
      return fmt::format("{:.2f}", static_cast<double>(random.below(8)) / 4);
    case 2:
      return random.chance(0.5) ? "true" : "false";
    default:
      return text_literal(random);
  }
}

std::string attribute_comparison(Random& random) {
  const std::string left = attribute(random);
  switch (random.below(6)) {
    case 0:
      return left + one_of(random, {" = nil", " != nil"});
    case 1:
      return left + one_of(random, {" =~ ", " !~ "}) +
             one_of(random, {"\"a.*\"", "\"alice|bob\"", "\"\"", "\"[0-9]+\""});
    case 2:
      return left + one_of(random, {" = ", " != "}) + attribute(random);
    case 3:
      return fmt::format("{} {} 1 > {}", left, one_of(random, {"+", "-", "*"}), random.below(400));
    default: {
      const std::string right = literal(random);
      const bool is_bool = right == "true" || right == "false";
      return left + " " + (is_bool ? one_of(random, {"=", "!="}) : one_of(random, kOrders)) + " " + right;
    }
  }
}

std::string intrinsic_comparison(Random& random) {
  switch (random.below(13)) {
    case 0:
      return "name " + one_of(random, {"=", "!=", "=~"}) + one_of(random, {" \"GET /cart\"", " \"SELECT\"", " \"\""});
    case 1:
      return "name =~ " + one_of(random, {"\"(GET|POST) .*\"", "\".*cart\"", "\"S\""});
    case 2:
      return "status " + one_of(random, {"=", "!="}) + one_of(random, {" error", " ok", " unset"});
    case 3:
      return "kind " + one_of(random, {"=", "!="}) + one_of(random, {" server", " client", " internal"});
    case 4:
    case 5:
      return fmt::format("duration {} {}ns", one_of(random, kOrders), random.below(12));
    case 6:
      return fmt::format("traceDuration {} {}ns", one_of(random, kOrders), random.below(30));
    case 7:
      return fmt::format("childCount {} {}", one_of(random, kOrders), random.below(3));
    case 8:
      return "rootName = " + one_of(random, {"\"GET /cart\"", "\"SELECT\""});
    case 9:
      return "rootServiceName " + one_of(random, {"= \"cart\"", "!= \"checkout\""});
    case 10:
      return one_of(random, {"nestedSetParent < 0", "parent = nil", "nestedSetLeft > 2", "nestedSetRight >= 4"});
    case 11:
      return one_of(random, {"event:name = \"exception\"", "event:name != \"exception\"", "statusMessage = \"\""});
    default:
      return "resource.service.name " + one_of(random, {"= \"cart\"", "= \"frontend\"", "!= \"cart\""});
  }
}

std::string expression(Random& random, int depth) {
  if (depth > 0 && random.chance(0.4)) {
    const std::string left = expression(random, depth - 1);
    switch (random.below(3)) {
      case 0:
        return fmt::format("{} && {}", left, expression(random, depth - 1));
      case 1:
        return fmt::format("({} || {})", left, expression(random, depth - 1));
      default:
        return fmt::format("!({})", left);
    }
  }
  return random.chance(0.5) ? attribute_comparison(random) : intrinsic_comparison(random);
}

std::string spanset(Random& random, int depth) {
  if (depth > 0 && random.chance(0.35)) {
    return fmt::format("({} {} {})", spanset(random, depth - 1),
                       one_of(random, {"&&", "||", ">>", ">", "<<", "<", "~", "!>>", "!>", "&>>", "&<", "!~"}),
                       spanset(random, depth - 1));
  }
  return random.chance(0.1) ? "{ }" : fmt::format("{{ {} }}", expression(random, 2));
}

std::string stage(Random& random) {
  switch (random.below(6)) {
    case 0:
      return fmt::format("count() {} {}", one_of(random, kOrders), random.below(4));
    case 1:
      return fmt::format("{}(duration) {} {}ns", one_of(random, {"avg", "min", "max", "sum"}), one_of(random, kOrders),
                         random.below(20));
    case 2:
      return one_of(random, {"by(resource.service.name)", "by(name)", "by(kind)"});
    case 3:
      return "coalesce()";
    case 4:
      return "select(span.user.id, name)";
    default:
      return fmt::format("{{ {} }}", expression(random, 1));
  }
}

}  // namespace

std::string random_traceql(Random& random) {
  std::string text = spanset(random, 2);
  while (random.chance(0.2)) text += " | " + stage(random);
  return text;
}

std::string random_metrics(Random& random) {
  const std::string function =
      one_of(random, {"rate()", "count_over_time()", "min_over_time(duration)", "max_over_time(duration)",
                      "sum_over_time(duration)", "avg_over_time(duration)", "quantile_over_time(duration, .5, .9)",
                      "histogram_over_time(duration)"});
  const std::string by =
      one_of(random, {"", "", " by (resource.service.name)", " by (name, status)", " by (span.user.id)"});
  return fmt::format("{} | {}{}", random.chance(0.3) ? "{ }" : spanset(random, 1), function, by);
}

}  // namespace backstitch::store::conformance
