#include "traceql/conjunction.h"

#include <gtest/gtest.h>

#include "traceql/parse.h"
#include "traceql/print.h"
#include "traceql/tag_query.h"

namespace backstitch::traceql {
namespace {

std::string joined(std::string_view query, std::string_view filters) {
  const Query both_of_them = both(parse(query).value(), parse(filters).value());
  // Where TraceQL has words for it all, the tree is the one that the text gives.
  EXPECT_EQ(parse(print(both_of_them)).value(), both_of_them);
  return print(both_of_them);
}

TEST(ConjunctionTest, spansets_are_joined) {
  EXPECT_EQ(joined("{ span.a = 1 }", "{ name = \"x\" }"), "{ span.a = 1 } && { name = \"x\" }");
  EXPECT_EQ(joined("{ span.a = 1 } >> { span.b + 1 = 2 }", "{ name = \"x\" && !(kind = server) } && { duration > 1s }"),
            print(parse("({ span.a = 1 } >> { span.b + 1 = 2 }) && ({ name = \"x\" && !(kind = server) } && "
                        "{ duration > 1s })")
                      .value()));
}

TEST(ConjunctionTest, a_pipeline_stands_in_parentheses) {
  EXPECT_EQ(joined("{ span.a = 1 } | count() > 2", "{ name = \"x\" }"),
            print(parse("({ span.a = 1 } | count() > 2) && { name = \"x\" }").value()));
}

TEST(ConjunctionTest, filters_of_parameters_join_too) {
  const Query query = both(parse("{ span.a = 1 }").value(), tag_query({.service = "cart"}));
  EXPECT_EQ(print(query), "{ span.a = 1 } && " + print(tag_query({.service = "cart"})));
}

}  // namespace
}  // namespace backstitch::traceql
