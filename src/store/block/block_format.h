// The numbers of a block file. docs/formats/block.md is the same in words and has the grammar; block_writer.cc and
// block.cc follow both.
//
//   file   = header, column*, index, footer
//   header = kMagic, u32 version, u32 zero
//   column = page*                        one for each row group, then the pages of its values
//   footer = u64 index offset, u32 index bytes (compressed), u32 index bytes, u32 crc32c of the index as it lies there,
//            u32 crc32c of the twenty bytes before, kMagic
//
// Whole traces lie adjacent, ordered by their start. They are cut into row groups: as many traces as it takes for
// kGroupSpans spans, a longer trace whole. A page is one column of one row group.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace backstitch::store::block {

constexpr std::string_view kMagic = "BSTBLOCK";
constexpr uint32_t kFormatVersion = 2;
constexpr uint32_t kPlainVersion = 1;  // of a block without TraceFragments, which older builds can read
constexpr size_t kHeaderBytes = 16;
constexpr size_t kFooterBytes = 32;

constexpr uint32_t kGroupSpans = 6144;
// Columns of attributes; what goes beyond lies, as KeyValue messages, in the column of its level with no key.
constexpr size_t kAttributeColumnsMax = 4096;
constexpr uint64_t kIndexBytesMax = 1ULL << 30;

// What a column holds. Rows of Trace… are traces, of Event… events, of Link… links; all others are spans, but for those
// that say so. A trace's spans stand in tree order: parents before children, siblings by start.
enum class Field : uint8_t {
  TraceId = 1,       // raw, 16 bytes
  TraceStart = 2,    // earliest start of its spans
  TraceSpans = 3,    // how many
  TraceCovered = 4,  // covered_sequence
  TraceSealed = 5,   // sealed_at
  // (joined - 1) * kCauses + ended_by, as SealedTrace has them. No rows in a group where all are 0.
  TraceFragments = 6,

  SpanId = 10,         // raw, 8 bytes
  Parent = 11,         // 0: none. 1: the id stands in ParentId. Else the parent is (value - 1) rows before.
  ParentId = 12,       // raw, 8 bytes; one for each Parent of 1
  Start = 13,          // zigzag of start - start of the parent's row, where there is one, else - TraceStart
  Duration = 14,       // zigzag of end - start
  Name = 15,           // text
  Kind = 16,           // the span kind's number, as it came
  Resource = 17,       // text: a ResourceSpans message without its scope_spans
  Scope = 18,          // text: a ScopeSpans message without its spans
  Status = 19,         // the status code's number, as it came
  StatusMessage = 20,  // text
  Shape = 21,          // index of Shape
  Flags = 22,
  TraceState = 23,         // text
  DroppedAttributes = 24,  // counts
  DroppedEvents = 25,
  DroppedLinks = 26,
  Events = 27,  // how many
  Links = 28,   // how many
  Rest = 29,    // text: fields that the writer did not know, of the Span and its Status

  EventTime = 40,  // zigzag of time - the span's start
  EventName = 41,  // text
  EventShape = 42,
  EventDropped = 43,
  EventRest = 44,  // text

  LinkTraceId = 50,     // raw, 16 bytes
  LinkSpanId = 51,      // raw, 8 bytes
  LinkTraceState = 52,  // text
  LinkFlags = 53,
  LinkShape = 54,
  LinkDropped = 55,
  LinkRest = 56,  // text

  Attribute = 60,  // one value for each time that a shape of its level names the column, in order of the rows
};

constexpr uint64_t kCauses = 8;  // more than there are

// Of attributes. A number is zigzag for Int, the bits for Double, 0 or 1 for Bool. Message: an AnyValue message that is
// none of these (bytes, array, key-value list, nothing). KeyValue: a whole KeyValue message, of whatever key.
enum class ValueType : uint8_t { None = 0, String = 1, Bool = 2, Int = 3, Double = 4, Message = 5, KeyValue = 6 };

// How a page of codes or numbers is laid out. Its first byte is a Transform | a Context << 4; then comes an integer
// page, or, in a context, a context page (docs/formats/block-pages.md).
enum class Transform : uint8_t {
  None = 0,
  // Codes of text: 0 is the next new value, k the value k before it.
  Recent = 1,
  // Rows of spans: 0 is the value of the parent's row, where there is one, k the value k - 1.
  Inherited = 2,
};
enum class Context : uint8_t {
  None = 0,
  Name = 1,   // the code of Name of the row's span
  Names = 2,  // that and the one of its parent's row, as one number: see group_contexts.h
  Shape = 3,  // of attributes: the shape of the span, event or link
};

}  // namespace backstitch::store::block
