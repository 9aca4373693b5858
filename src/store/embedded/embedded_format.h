// The names and small files in an embedded store's directory, version 2; docs/formats/embedded.md is this in words.
// What is in a block is the matter of store/block.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace backstitch::store::embedded {

constexpr uint64_t kFormatVersion = 2;
constexpr std::string_view kFormatFile = "format";
constexpr std::string_view kSequenceFile = "sequence";
constexpr std::string_view kLockFile = "LOCK";
constexpr std::string_view kTemporarySuffix = ".tmp";
constexpr size_t kSmallFileBytesMax = 256;

// Block: whole and visible. Temporary: being written, or left by a process that ended meanwhile. Damaged: set aside.
enum class FileKind { Block, Temporary, Damaged };

struct BlockFile {
  uint64_t number = 0;
  FileKind kind = FileKind::Block;

  bool operator==(const BlockFile&) const = default;
};

// "00000000000000000007.block"
std::string file_name(const BlockFile& file);
// Nothing where `name` is none that file_name makes.
std::optional<BlockFile> parse_file_name(std::string_view name);

// The content of `format`.
std::string encode_version(uint64_t version);
base::Result<uint64_t> decode_version(std::string_view text);

// The content of `sequence`, with a checksum.
std::string encode_sequence(uint64_t sequence);
base::Result<uint64_t> decode_sequence(std::string_view text);

}  // namespace backstitch::store::embedded
