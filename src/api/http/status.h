// The HTTP status that an error is told with, the same in every query skin; each skin puts its own body around it.
#pragma once

#include "base/result.h"

namespace backstitch::api {

int http_status_of(base::Errc code);

}  // namespace backstitch::api
