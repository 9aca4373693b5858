// CRC-32C (Castagnoli, RFC 3720): the checksum of everything the log and the store write. Finds every burst of up
// to 32 bits and every change of up to three bits in records of the size we write.
//
//   uint32_t crc = crc32c("123456789");             // 0xe3069283
//   crc32c("789", crc32c("123456")) == crc          // goes on where the last call ended
#pragma once

#include <cstdint>
#include <string_view>

namespace backstitch::base {

// With the processor's instruction where the build has SSE 4.2, three streams at once on long input (about
// 20 GB/s); else crc32c_portable.
uint32_t crc32c(std::string_view bytes, uint32_t crc = 0);

// One table look-up a byte: the fallback, and the twin that the fast one is tested against.
uint32_t crc32c_portable(std::string_view bytes, uint32_t crc = 0);

}  // namespace backstitch::base
