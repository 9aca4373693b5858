// Lists as a node answers them: services, operations, attributes, and what the disk goes to.
#include <array>

#include "store/remote/message_reader.h"
#include "store/remote/messages.h"

namespace backstitch::store {

using base::Result;
using protozero::pbf_writer;
using remote::malformed;
using remote::MessageReader;
using remote::read_message;
using remote::text_of;
using remote::view_of;

namespace {

enum TextsField : uint32_t { kTextsOne = 1 };
enum RowsField : uint32_t { kRowsOne = 1 };
// An operation's kind, an attribute's level.
enum NamedField : uint32_t { kNamedName = 1, kNamedNumber = 2 };
enum StatsField : uint32_t { kStatsTotals = 1, kStatsColumn = 2, kStatsService = 3, kStatsCodec = 4, kStatsLevel = 5 };
// A name with numbers, in the order in which store_stats.h has them.
enum CountedField : uint32_t { kCountedName = 1, kCountedNumbers = 2 };

constexpr uint32_t kKindMax = static_cast<uint32_t>(model::SpanKind::Consumer);
constexpr uint32_t kLevelMax = static_cast<uint32_t>(model::AttributeLevel::Link);

struct Named {
  std::string name;
  uint32_t number = 0;
};

void write_named(pbf_writer& out, const Named& named) {
  pbf_writer one(out, kRowsOne);
  one.add_bytes(kNamedName, named.name);
  one.add_uint32(kNamedNumber, named.number);
}

// Calls take(Named) for each row; numbers beyond `number_max` are malformed.
template <typename Take>
Result<> read_named(std::string_view bytes, uint32_t number_max, const Take& take) {
  return read_message(bytes, [&](MessageReader& field) -> Result<> {
    if (field.tag() != kRowsOne) return field.skip(), Result<>();
    Named named;
    const auto read = read_message(view_of(field), [&](MessageReader& part) -> Result<> {
      if (part.tag() == kNamedName) {
        named.name = text_of(part);
      } else if (part.tag() == kNamedNumber) {
        named.number = part.get_uint32();
      } else {
        part.skip();
      }
      return {};
    });
    if (!read) return read;
    if (named.number > number_max) return malformed("a number beyond those of its enum");
    take(std::move(named));
    return {};
  });
}

constexpr size_t kNumbersMax = 8;
struct Counted {
  std::string name;
  std::array<uint64_t, kNumbersMax> numbers{};
};

void write_counted(pbf_writer& out, uint32_t field, const std::string& name, std::initializer_list<uint64_t> numbers) {
  pbf_writer one(out, field);
  one.add_bytes(kCountedName, name);
  one.add_packed_uint64(kCountedNumbers, numbers.begin(), numbers.end());
}

// Numbers that are missing are 0, those of a newer version are passed over.
Result<Counted> read_counted(std::string_view bytes) {
  Counted counted;
  const auto read = read_message(bytes, [&](MessageReader& field) -> Result<> {
    if (field.tag() == kCountedName) {
      counted.name = text_of(field);
    } else if (field.tag() == kCountedNumbers) {
      size_t at = 0;
      for (const uint64_t number : field.get_packed_uint64()) {
        if (at < kNumbersMax) counted.numbers[at++] = number;
      }
    } else {
      field.skip();
    }
    return {};
  });
  if (!read) return std::unexpected(read.error());
  return counted;
}

void take_counted(uint32_t field, Counted counted, StoreStats& stats) {
  const auto& n = counted.numbers;
  switch (field) {
    case kStatsTotals:
      stats.totals = {.blocks = n[0], .traces = n[1], .spans = n[2], .disk_bytes = n[3], .otlp_bytes = n[4]};
      return;
    case kStatsColumn:
      stats.columns.push_back(
          {.name = std::move(counted.name), .stored_bytes = n[0], .raw_bytes = n[1], .values = n[2]});
      return;
    case kStatsService:
      stats.services.push_back({.name = std::move(counted.name), .spans = n[0]});
      return;
    case kStatsCodec:
      stats.codecs.push_back({.name = std::move(counted.name), .pages = n[0], .stored_bytes = n[1], .raw_bytes = n[2]});
      return;
    default:
      stats.levels.push_back(
          {.name = std::move(counted.name), .blocks = n[0], .traces = n[1], .spans = n[2], .disk_bytes = n[3]});
  }
}

}  // namespace

std::string encode_texts(const std::vector<std::string>& texts) {
  std::string bytes;
  pbf_writer out(bytes);
  for (const std::string& text : texts) out.add_bytes(kTextsOne, text);
  return bytes;
}

Result<std::vector<std::string>> decode_texts(std::string_view bytes) {
  std::vector<std::string> texts;
  const auto read = read_message(bytes, [&](MessageReader& field) -> Result<> {
    if (field.tag() != kTextsOne) return field.skip(), Result<>();
    texts.push_back(text_of(field));
    return {};
  });
  if (!read) return std::unexpected(read.error());
  return texts;
}

std::string encode_operations(const std::vector<Operation>& operations) {
  std::string bytes;
  pbf_writer out(bytes);
  for (const Operation& one : operations) write_named(out, {one.name, static_cast<uint32_t>(one.kind)});
  return bytes;
}

Result<std::vector<Operation>> decode_operations(std::string_view bytes) {
  std::vector<Operation> operations;
  const auto read = read_named(bytes, kKindMax, [&](Named named) {
    operations.push_back({std::move(named.name), static_cast<model::SpanKind>(named.number)});
  });
  if (!read) return std::unexpected(read.error());
  return operations;
}

std::string encode_attribute_names(const std::vector<AttributeName>& names) {
  std::string bytes;
  pbf_writer out(bytes);
  for (const AttributeName& one : names) write_named(out, {one.name, static_cast<uint32_t>(one.level)});
  return bytes;
}

Result<std::vector<AttributeName>> decode_attribute_names(std::string_view bytes) {
  std::vector<AttributeName> names;
  const auto read = read_named(bytes, kLevelMax, [&](Named named) {
    names.push_back({static_cast<model::AttributeLevel>(named.number), std::move(named.name)});
  });
  if (!read) return std::unexpected(read.error());
  return names;
}

std::string encode_stats(const StoreStats& stats) {
  std::string bytes;
  pbf_writer out(bytes);
  const StoreTotals& totals = stats.totals;
  write_counted(out, kStatsTotals, "",
                {totals.blocks, totals.traces, totals.spans, totals.disk_bytes, totals.otlp_bytes});
  for (const ColumnStats& one : stats.columns) {
    write_counted(out, kStatsColumn, one.name, {one.stored_bytes, one.raw_bytes, one.values});
  }
  for (const ServiceStats& one : stats.services) write_counted(out, kStatsService, one.name, {one.spans});
  for (const CodecStats& one : stats.codecs) {
    write_counted(out, kStatsCodec, one.name, {one.pages, one.stored_bytes, one.raw_bytes});
  }
  for (const LevelStats& one : stats.levels) {
    write_counted(out, kStatsLevel, one.name, {one.blocks, one.traces, one.spans, one.disk_bytes});
  }
  return bytes;
}

Result<StoreStats> decode_stats(std::string_view bytes) {
  StoreStats stats;
  const auto read = read_message(bytes, [&](MessageReader& field) -> Result<> {
    const auto number = static_cast<uint32_t>(field.tag());
    if (number < kStatsTotals || number > kStatsLevel) return field.skip(), Result<>();
    auto counted = read_counted(view_of(field));
    if (!counted) return std::unexpected(std::move(counted.error()));
    take_counted(number, std::move(*counted), stats);
    return {};
  });
  if (!read) return std::unexpected(read.error());
  return stats;
}

}  // namespace backstitch::store
