#include "backstitch/error_code.h"

#include <gtest/gtest.h>
#include <string>

#include "model/error_code.h"

namespace backstitch::sdk {
namespace {

TEST(ErrorCodeTest, says_what_the_model_says) {
  for (int number = -1; number <= 18; ++number) {
    const auto model = model::ErrorCode::from_number(number < 0 ? 99 : static_cast<uint64_t>(number));
    const ErrorCode code = ErrorCode::from_number(number);
    EXPECT_EQ(code.name(), model.name()) << number;
    EXPECT_EQ(code.http_status(), model.http_status()) << number;
    EXPECT_EQ(code.canonical(), model.number()) << number;
  }
  for (int status = 0; status < 700; ++status) {
    EXPECT_EQ(ErrorCode::from_http(status).name(), model::ErrorCode::from_http(status).name()) << status;
  }
  EXPECT_EQ(ErrorCode::from_name("PERMISSION_DENIED"), ErrorCode::PermissionDenied);
  EXPECT_EQ(ErrorCode::from_name("no code"), ErrorCode::Unknown);
}

TEST(ErrorCodeTest, a_custom_code_owns_its_name) {
  std::string name(ErrorCode::kCustomBytesMax, 'x');
  const ErrorCode code = ErrorCode::from_name(name);
  name.assign(name.size(), 'y');
  EXPECT_EQ(code.name(), std::string(ErrorCode::kCustomBytesMax, 'x'));
  EXPECT_TRUE(code.is_custom());
  EXPECT_EQ(code.http_status(), 500);
  EXPECT_EQ(code.canonical(), ErrorCode::Unknown);
  EXPECT_NE(code, ErrorCode::from_name("xx"));
}

}  // namespace
}  // namespace backstitch::sdk
