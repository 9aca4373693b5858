#include "sample/trace_state.h"

#include <gtest/gtest.h>
#include <string>

namespace backstitch::sample {
namespace {

// What go.opentelemetry.io/otel/trace v1.47.0 answers for the key "a".
TEST(TraceState, reads_what_the_go_api_reads_and_refuses_what_it_refuses) {
  struct Golden {
    std::string_view text;
    std::string_view value;  // empty: none
  };
  for (const Golden& golden : {
           Golden{"", ""},
           Golden{"a=1", "1"},
           Golden{"a=1,b=2", "1"},
           Golden{" a=1", "1"},
           Golden{"a =1", ""},
           Golden{"a=1 ,b=2", "1"},
           Golden{"a= 1", " 1"},
           Golden{"a=1,a=2", ""},
           Golden{"a", ""},
           Golden{"=1", ""},
           Golden{"a=", ""},
           Golden{"A=1", ""},
           Golden{"a=1,1a=1", ""},
           Golden{"a=1,1a@b=1", "1"},
           Golden{"a=1,a@b@c=1", ""},
           Golden{"a=1,a@=1", ""},
           Golden{"a=1,t@abcdefghijklmn=1", "1"},
           Golden{"a=1,t@abcdefghijklmno=1", ""},
           Golden{",a=1,,", "1"},
           Golden{"a=x=y", ""},
           Golden{"a=\x7f", ""},
           Golden{"a=1,b", ""},
           Golden{"a=1;b=2", ""},
           Golden{"\xc3\xa9=1,a=1", ""},
           Golden{" ,a=1", ""},
           Golden{"a=1, b=2", "1"},
           Golden{"\ta=1\t", "1"},
       }) {
    EXPECT_EQ(trace_state_value(golden.text, "a").value_or(""), golden.value) << golden.text;
  }
}

TEST(TraceState, the_33rd_member_makes_the_whole_invalid) {
  std::string text = "a=1";
  for (int i = 0; i < 31; ++i) text += ",b" + std::to_string(i) + "=1";
  EXPECT_EQ(trace_state_value(text, "a"), "1");
  EXPECT_EQ(trace_state_value(text + ",c=1", "a"), std::nullopt);
}

}  // namespace
}  // namespace backstitch::sample
