#include "store/embedded/embedded_format.h"

#include <charconv>
#include <fmt/format.h>

#include "base/crc32c.h"

namespace backstitch::store::embedded {
namespace {

constexpr size_t kDigits = 20;
constexpr std::string_view kVersionWords = "backstitch store ";
constexpr std::string_view kSequenceWords = "highest sequence ";
constexpr std::pair<FileKind, std::string_view> kSuffixes[] = {
    {FileKind::Block, ".block"}, {FileKind::Temporary, kTemporarySuffix}, {FileKind::Damaged, ".damaged"}};

std::optional<uint64_t> parse_number(std::string_view text) {
  uint64_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return {};
  return number;
}

}  // namespace

std::string file_name(const BlockFile& file) {
  for (const auto& [kind, suffix] : kSuffixes) {
    if (kind == file.kind) return fmt::format("{:020}{}", file.number, suffix);
  }
  return {};
}

std::optional<BlockFile> parse_file_name(std::string_view name) {
  if (name.size() < kDigits) return {};
  const auto number = parse_number(name.substr(0, kDigits));
  if (!number) return {};
  for (const auto& [kind, suffix] : kSuffixes) {
    if (name.substr(kDigits) == suffix) return BlockFile{*number, kind};
  }
  return {};
}

std::string encode_version(uint64_t version) { return fmt::format("{}{}\n", kVersionWords, version); }

base::Result<uint64_t> decode_version(std::string_view text) {
  if (text.starts_with(kVersionWords) && text.ends_with('\n')) {
    text.remove_prefix(kVersionWords.size());
    text.remove_suffix(1);
    if (const auto version = parse_number(text)) return *version;
  }
  return base::fail(base::Errc::Corrupt, fmt::format("it does not say 'backstitch store' and a version"));
}

std::string encode_sequence(uint64_t sequence) {
  const std::string words = fmt::format("{}{}", kSequenceWords, sequence);
  return fmt::format("{} crc32c {:08x}\n", words, base::crc32c(words));
}

base::Result<uint64_t> decode_sequence(std::string_view text) {
  const size_t end = text.find(" crc32c ");
  if (text.starts_with(kSequenceWords) && end != std::string_view::npos && end > kSequenceWords.size()) {
    const auto sequence = parse_number(text.substr(kSequenceWords.size(), end - kSequenceWords.size()));
    if (sequence && encode_sequence(*sequence) == text) return *sequence;
  }
  return base::fail(base::Errc::Corrupt, "it fails its checksum");
}

}  // namespace backstitch::store::embedded
