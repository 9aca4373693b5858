#include "backstitch/error_code.h"

#include <cstring>

#include "model/error_code.h"

namespace backstitch::sdk {

namespace {

constexpr int kCustomHttpStatus = 500;

}  // namespace

static_assert(ErrorCode::kCustomBytesMax == model::ErrorCode::kCustomBytesMax);

ErrorCode ErrorCode::from_number(int number) noexcept {
  return number < 0 || number >= kCustom ? ErrorCode(Unknown) : ErrorCode(static_cast<Canonical>(number));
}

ErrorCode ErrorCode::from_http(int status) noexcept {
  return from_number(model::ErrorCode::from_http(status).number());
}

ErrorCode ErrorCode::from_name(std::string_view name) noexcept {
  const model::ErrorCode known = model::ErrorCode::from_name(name);
  if (!known.is_custom()) return from_number(known.number());
  ErrorCode code;
  code.number_ = kCustom;
  code.custom_size_ = static_cast<uint8_t>(known.name().size());
  std::memcpy(code.custom_.data(), known.name().data(), code.custom_size_);
  return code;
}

std::string_view ErrorCode::name() const noexcept {
  if (is_custom()) return {custom_.data(), custom_size_};
  return model::ErrorCode::from_number(number_).name();
}

int ErrorCode::http_status() const noexcept {
  return is_custom() ? kCustomHttpStatus : model::ErrorCode::from_number(number_).http_status();
}

}  // namespace backstitch::sdk
