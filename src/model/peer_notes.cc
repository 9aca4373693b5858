#include "model/peer_notes.h"

#include <bit>
#include <cassert>
#include <fmt/format.h>

namespace backstitch::model {
namespace {

using base::Errc;
using base::fail;

constexpr uint8_t kVersion = 1;
constexpr size_t kIdBytes = 16;
// The least that one takes.
constexpr size_t kKeepBytesMin = kIdBytes + 4;
constexpr size_t kMovedBytesMin = kIdBytes + 1;
constexpr uint32_t kWeightOfOne = std::bit_cast<uint32_t>(1.0F);

void put(uint64_t number, std::string& out) {
  while (number >= 0x80) {
    out += static_cast<char>(number | 0x80);
    number >>= 7;
  }
  out += static_cast<char>(number);
}

void put(const TraceId& id, std::string& out) {
  out.append(reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size());
}

void put(std::string_view text, std::string& out) {
  put(text.size(), out);
  out += text;
}

// What is read behind a mistake means nothing: is_good() tells.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  size_t at() const { return at_; }
  size_t left() const { return bytes_.size() - at_; }
  bool is_good() const { return is_good_; }

  uint64_t number(uint64_t max = UINT64_MAX) {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && at_ < bytes_.size(); shift += 7) {
      const auto byte = static_cast<uint8_t>(bytes_[at_++]);
      if (shift == 63 && byte > 1) break;
      value |= uint64_t{byte & 0x7fU} << shift;
      if (byte >= 0x80) continue;
      if ((byte == 0 && shift != 0) || value > max) break;
      return value;
    }
    is_good_ = false;
    return 0;
  }
  std::string_view bytes(size_t size) {
    if (size > left()) {
      is_good_ = false;
      return {};
    }
    at_ += size;
    return bytes_.substr(at_ - size, size);
  }
  TraceId id() {
    const std::string_view raw = bytes(kIdBytes);
    return raw.empty() ? TraceId() : TraceId::from_bytes(raw.data());
  }

 private:
  std::string_view bytes_;
  size_t at_ = 0;
  bool is_good_ = true;
};

base::Result<uint64_t> read_count(Reader& reader, const char* what, uint64_t max, size_t bytes_min) {
  const uint64_t count = reader.number();
  if (reader.is_good() && count > max) {
    return fail(Errc::TooLarge, fmt::format("notes with {} {}; the limit is {}", count, what, max));
  }
  if (!reader.is_good() || count > reader.left() / bytes_min) {
    return fail(Errc::Malformed, fmt::format("notes end early, at byte {}", reader.at()));
  }
  return count;
}

KeptTrace read_keep(Reader& reader) {
  KeptTrace keep{.id = reader.id()};
  keep.cause = static_cast<DecisionCause>(reader.number(kDecisionCauseMax));
  keep.policy = static_cast<uint8_t>(reader.number(UINT8_MAX));
  keep.voted = reader.number();
  keep.weight = std::bit_cast<float>(static_cast<uint32_t>(reader.number(UINT32_MAX)) ^ kWeightOfOne);
  return keep;
}

base::Result<MovedTrace> read_moved(Reader& reader) {
  MovedTrace moved{.id = reader.id(), .features = {}};
  const auto size = read_count(reader, "bytes of features of one trace", kMovedFeaturesBytesMax, 1);
  if (!size) return std::unexpected(size.error());
  moved.features = reader.bytes(*size);
  return moved;
}

}  // namespace

std::string encode_peer_notes(const PeerNotes& notes) {
  assert(notes.keeps.size() <= kPeerNotesMax && notes.moved.size() <= kPeerNotesMax);
  assert(notes.from.size() <= kPeerNameBytesMax);
  std::string out;
  put(kVersion, out);
  put(notes.from, out);
  put(notes.number, out);
  for (int i = 0; i < 8; ++i) out += static_cast<char>(notes.plan >> (8 * i));
  put(notes.keeps.size(), out);
  for (const KeptTrace& keep : notes.keeps) {
    put(keep.id, out);
    put(static_cast<uint8_t>(keep.cause), out);
    put(keep.policy, out);
    put(keep.voted, out);
    put(std::bit_cast<uint32_t>(keep.weight) ^ kWeightOfOne, out);
  }
  put(notes.moved.size(), out);
  for (const MovedTrace& moved : notes.moved) {
    assert(moved.features.size() <= kMovedFeaturesBytesMax);
    put(moved.id, out);
    put(moved.features, out);
  }
  return out;
}

base::Result<PeerNotes> decode_peer_notes(std::string_view bytes) {
  Reader reader(bytes);
  const uint64_t version = reader.number();
  if (reader.is_good() && version != kVersion) {
    return fail(Errc::Unsupported, fmt::format("notes of version {}; this build reads version {}", version, kVersion));
  }
  PeerNotes notes;
  const auto name_size = read_count(reader, "bytes of the sender's name", kPeerNameBytesMax, 1);
  if (!name_size) return std::unexpected(name_size.error());
  notes.from = reader.bytes(*name_size);
  notes.number = reader.number();
  const std::string_view plan = reader.bytes(8);
  for (size_t i = 0; i < plan.size(); ++i) notes.plan |= uint64_t{static_cast<uint8_t>(plan[i])} << (8 * i);
  const auto keeps = read_count(reader, "keeps", kPeerNotesMax, kKeepBytesMin);
  if (!keeps) return std::unexpected(keeps.error());
  notes.keeps.reserve(*keeps);
  for (uint64_t i = 0; i < *keeps && reader.is_good(); ++i) notes.keeps.push_back(read_keep(reader));
  const auto moved = read_count(reader, "moved traces", kPeerNotesMax, kMovedBytesMin);
  if (!moved) return std::unexpected(moved.error());
  notes.moved.reserve(*moved);
  for (uint64_t i = 0; i < *moved && reader.is_good(); ++i) {
    auto one = read_moved(reader);
    if (!one) return std::unexpected(one.error());
    notes.moved.push_back(std::move(*one));
  }
  if (!reader.is_good() || reader.left() != 0) {
    return fail(Errc::Malformed, fmt::format("notes are broken at byte {}", reader.at()));
  }
  return notes;
}

}  // namespace backstitch::model
