// gzip (RFC 1952), as the body of a request is compressed.
#pragma once

#include <string>
#include <string_view>

namespace backstitch::sdk {

// False without memory. Replaces `out`. Throws for memory, too.
bool compress_gzip(std::string_view bytes, std::string& out);

}  // namespace backstitch::sdk
