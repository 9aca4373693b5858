#include "store/block/trace_rows.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <protozero/exception.hpp>
#include <protozero/pbf_reader.hpp>

#include "store/block/attribute_row.h"
#include "store/block/message_keys.h"

// Field numbers: opentelemetry-proto 1.x. A field that is known but comes with another wire type is an unknown one.
// What has no column goes to `rest` as it came, tag included, so that it is written back behind the known fields.

namespace backstitch::store::block {
namespace {

constexpr uint32_t kNone = UINT32_MAX;

// Collects the fields that nobody else takes, or all but one of them. Nothing is copied while they lie in one piece.
class Rest {
 public:
  explicit Rest(std::deque<std::string>& made) : made_(made) {}

  void add(std::string_view field) {
    if (kept_.empty()) {
      kept_ = field;
    } else if (copy_ == nullptr && kept_.data() + kept_.size() == field.data()) {
      kept_ = {kept_.data(), kept_.size() + field.size()};
    } else {
      if (copy_ == nullptr) copy_ = &made_.emplace_back(kept_);
      copy_->append(field);
      kept_ = *copy_;
    }
  }
  std::string_view view() const { return kept_; }
  // A copy that lives as long as the rows.
  std::string_view keep(std::string bytes) { return made_.emplace_back(std::move(bytes)); }

 private:
  std::deque<std::string>& made_;
  std::string* copy_ = nullptr;
  std::string_view kept_;
};

// Walks a message's fields, so that each can be given to a Rest with its tag.
class Fields {
 public:
  explicit Fields(std::string_view message) : reader_(message.data(), message.size()), at_(message.data()) {}

  bool next() {
    begin_ = at_;
    return reader_.next();
  }
  uint32_t key() const { return key_of(reader_); }
  std::string_view bytes() { return taken(view_of(reader_)); }
  uint64_t varint() { return taken(reader_.get_uint64()); }
  uint64_t fixed64() { return taken(reader_.get_fixed64()); }
  uint32_t fixed32() { return taken(reader_.get_fixed32()); }
  // The field whole, tag included.
  std::string_view whole() {
    reader_.skip();
    taken(0);
    return {begin_, static_cast<size_t>(at_ - begin_)};
  }
  // Of the field that was read last.
  std::string_view last_whole() const { return {begin_, static_cast<size_t>(at_ - begin_)}; }

 private:
  template <typename T>
  T taken(T value) {
    const auto rest = reader_.data();
    at_ = rest.data();
    return value;
  }

  pbf_reader reader_;
  const char* at_;
  const char* begin_ = nullptr;
};

uint64_t id_of(std::string_view bytes) {
  uint64_t id;
  std::memcpy(&id, bytes.data(), sizeof(id));
  return id;
}

// As siblings stand in a trace: model::sort_as_tree.
bool is_earlier(const SpanRow& a, const SpanRow& b) {
  if (a.start != b.start) return a.start < b.start;
  return a.id != b.id ? __builtin_bswap64(a.id) < __builtin_bswap64(b.id) : a.kind < b.kind;
}

// Caught in parse().
struct TooManyRows {};

}  // namespace

class TraceParser::Reader {
 public:
  Reader(const SealedTrace& trace, TraceParser& parser, TraceRows& rows)
      : id_(reinterpret_cast<const char*>(trace.id.bytes.data()), trace.id.bytes.size()),
        rows_(rows),
        scopes_at_hand_(parser.scopes_at_hand_),
        events_at_hand_(parser.events_at_hand_),
        links_at_hand_(parser.links_at_hand_) {}

  void request(std::string_view bytes) {
    for (Fields fields(bytes); fields.next();) {
      if (fields.key() == bytes_key(1)) {
        resource_spans(fields.bytes());
      } else {
        fields.whole();  // the model has no place for these either
      }
    }
  }

 private:
  void resource_spans(std::string_view bytes) {
    Rest rest(rows_.made);
    std::vector<std::string_view>& scopes = scopes_at_hand_;
    scopes.clear();
    for (Fields fields(bytes); fields.next();) {
      if (fields.key() == bytes_key(2)) {
        scopes.push_back(fields.bytes());
      } else {
        rest.add(fields.whole());
      }
    }
    rows_.resources.push_back(rest.view());
    for (const std::string_view scope : scopes) scope_spans(scope);
  }

  void scope_spans(std::string_view bytes) {
    Rest rest(rows_.made);
    const auto scope = static_cast<uint32_t>(rows_.scopes.size());
    rows_.scopes.emplace_back();
    for (Fields fields(bytes); fields.next();) {
      if (fields.key() == bytes_key(2)) {
        span(fields.bytes(), scope);
      } else {
        rest.add(fields.whole());
      }
    }
    rows_.scopes[scope] = rest.view();
  }

  void span(std::string_view bytes, uint32_t scope) {
    SpanRow row;
    row.resource = static_cast<uint32_t>(rows_.resources.size() - 1);
    row.scope = scope;
    row.attributes.first = static_cast<uint32_t>(rows_.attributes.size());
    events_at_hand_.clear();
    links_at_hand_.clear();
    Rest rest(rows_.made);
    bool is_of_trace = false;
    for (Fields fields(bytes); fields.next();) {
      switch (fields.key()) {
        case bytes_key(1):
          is_of_trace = fields.bytes() == id_;
          break;
        case bytes_key(2):
          take_id(fields, row.id, rest);
          break;
        case bytes_key(3):
          row.trace_state = fields.bytes();
          break;
        case bytes_key(4):
          take_id(fields, row.parent_id, rest);
          break;
        case bytes_key(5):
          row.name = fields.bytes();
          break;
        case varint_key(6):
          row.kind = static_cast<uint32_t>(fields.varint());
          break;
        case fixed64_key(7):
          row.start = fields.fixed64();
          break;
        case fixed64_key(8):
          row.end = fields.fixed64();
          break;
        case bytes_key(9):
          read_attribute(fields.bytes(), rows_.attributes.emplace_back());
          break;
        case varint_key(10):
          row.dropped_attributes = static_cast<uint32_t>(fields.varint());
          break;
        case bytes_key(11):
          events_at_hand_.push_back(fields.bytes());
          break;
        case varint_key(12):
          row.dropped_events = static_cast<uint32_t>(fields.varint());
          break;
        case bytes_key(13):
          links_at_hand_.push_back(fields.bytes());
          break;
        case varint_key(14):
          row.dropped_links = static_cast<uint32_t>(fields.varint());
          break;
        case bytes_key(15):
          status(fields.bytes(), row, rest);
          break;
        case fixed32_key(16):
          row.flags = fields.fixed32();
          break;
        default:
          rest.add(fields.whole());
      }
    }
    row.rest = rest.view();
    row.attributes.count = static_cast<uint32_t>(rows_.attributes.size()) - row.attributes.first;
    if (!is_of_trace) {
      rows_.attributes.resize(row.attributes.first);
      return;
    }
    row.first_event = static_cast<uint32_t>(rows_.events.size());
    for (const std::string_view event : events_at_hand_) rows_.events.push_back(read_event(event));
    row.event_count = static_cast<uint32_t>(events_at_hand_.size());
    row.first_link = static_cast<uint32_t>(rows_.links.size());
    for (const std::string_view link : links_at_hand_) read_link(link, rest);
    row.link_count = static_cast<uint32_t>(rows_.links.size()) - row.first_link;
    row.rest = rest.view();
    rows_.spans.push_back(row);
    if (rows_.events.size() + rows_.links.size() + rows_.attributes.size() > kTraceRowsMax) throw TooManyRows{};
  }

  // An id of a wrong length stays what it is: no id, but not lost.
  static void take_id(Fields& fields, uint64_t& id, Rest& rest) {
    const std::string_view bytes = fields.bytes();
    if (bytes.size() == sizeof(id)) {
      id = id_of(bytes);
    } else if (!bytes.empty()) {
      rest.add(fields.last_whole());
    }
  }

  // A Status field that holds more than code and message is kept whole, behind the known one: messages merge.
  static void status(std::string_view bytes, SpanRow& row, Rest& rest) {
    bool is_known = true;
    for (Fields fields(bytes); fields.next();) {
      switch (fields.key()) {
        case bytes_key(2):
          row.status_message = fields.bytes();
          break;
        case varint_key(3):
          row.status = static_cast<uint32_t>(fields.varint());
          break;
        default:
          fields.whole();
          is_known = false;
      }
    }
    if (!is_known) rest.add(with_key(bytes_key(15), bytes, rest));
  }

  static std::string_view with_key(uint32_t key, std::string_view message, Rest& rest) {
    std::string whole;
    for (uint64_t value : {uint64_t{key}, uint64_t{message.size()}}) {
      for (; value > 0x7f; value >>= 7) whole += static_cast<char>(value | 0x80);
      whole += static_cast<char>(value);
    }
    return rest.keep(whole.append(message));
  }

  EventRow read_event(std::string_view bytes) {
    EventRow row;
    row.attributes.first = static_cast<uint32_t>(rows_.attributes.size());
    Rest rest(rows_.made);
    for (Fields fields(bytes); fields.next();) {
      switch (fields.key()) {
        case fixed64_key(1):
          row.time = fields.fixed64();
          break;
        case bytes_key(2):
          row.name = fields.bytes();
          break;
        case bytes_key(3):
          read_attribute(fields.bytes(), rows_.attributes.emplace_back());
          break;
        case varint_key(4):
          row.dropped = static_cast<uint32_t>(fields.varint());
          break;
        default:
          rest.add(fields.whole());
      }
    }
    row.rest = rest.view();
    row.attributes.count = static_cast<uint32_t>(rows_.attributes.size()) - row.attributes.first;
    return row;
  }

  // A link whose ids have a wrong length is kept with the span's rest.
  void read_link(std::string_view bytes, Rest& span_rest) {
    LinkRow row;
    row.attributes.first = static_cast<uint32_t>(rows_.attributes.size());
    Rest rest(rows_.made);
    for (Fields fields(bytes); fields.next();) {
      switch (fields.key()) {
        case bytes_key(1):
          row.trace_id = fields.bytes();
          break;
        case bytes_key(2):
          row.span_id = fields.bytes();
          break;
        case bytes_key(3):
          row.trace_state = fields.bytes();
          break;
        case bytes_key(4):
          read_attribute(fields.bytes(), rows_.attributes.emplace_back());
          break;
        case varint_key(5):
          row.dropped = static_cast<uint32_t>(fields.varint());
          break;
        case fixed32_key(6):
          row.flags = fields.fixed32();
          break;
        default:
          rest.add(fields.whole());
      }
    }
    if (row.trace_id.size() != 16 || row.span_id.size() != 8) {
      rows_.attributes.resize(row.attributes.first);
      span_rest.add(with_key(bytes_key(13), bytes, span_rest));
      return;
    }
    row.rest = rest.view();
    row.attributes.count = static_cast<uint32_t>(rows_.attributes.size()) - row.attributes.first;
    rows_.links.push_back(row);
  }

  const std::string_view id_;
  TraceRows& rows_;
  std::vector<std::string_view>&scopes_at_hand_, &events_at_hand_, &links_at_hand_;
};

void TraceRows::clear() {
  spans.clear();
  attributes.clear();
  events.clear();
  links.clear();
  resources.clear();
  scopes.clear();
  made.clear();
  start = 0;
}

base::Result<> TraceParser::parse(const SealedTrace& trace, TraceRows& rows) {
  rows.clear();
  try {
    Reader(trace, *this, rows).request(trace.otlp);
  } catch (const TooManyRows&) {
    return base::fail(base::Errc::TooLarge, fmt::format("trace {} has more than {} events, links and attributes",
                                                        trace.id.to_hex(), kTraceRowsMax));
  } catch (const protozero::exception& broken) {
    return base::fail(base::Errc::Malformed,
                      fmt::format("trace {} is no TracesData: {}", trace.id.to_hex(), broken.what()));
  }
  if (rows.spans.empty()) {
    return base::fail(base::Errc::Malformed, fmt::format("trace {} comes without a span", trace.id.to_hex()));
  }
  drop_repeats(rows.spans);
  sort_as_tree(rows);
  return {};
}

void TraceParser::drop_repeats(std::vector<SpanRow>& spans) {
  if (spans.size() == 1) return;
  seen_.clear();
  std::erase_if(spans, [&](const SpanRow& span) { return !seen_.insert({span.id, span.kind}).second; });
}

// A walk with a stack of its own, so that any depth is fine. Whoever is not reached from a root is in a cycle, or below
// one: the earliest of these becomes a root too, until all are placed.
void TraceParser::sort_as_tree(TraceRows& rows) {
  std::vector<SpanRow>& spans = rows.spans;
  std::ranges::sort(spans, is_earlier);
  rows.start = spans.front().start;
  const auto count = static_cast<uint32_t>(spans.size());
  by_id_.clear();
  // Where ids repeat (Zipkin's shared spans), a child hangs below the server's side, as model::sort_as_tree has it.
  for (uint32_t i = 0; i < count; ++i) {
    const auto [slot, is_first] = by_id_.try_emplace(spans[i].id, i);
    if (!is_first && spans[i].kind == static_cast<uint32_t>(model::SpanKind::Server)) slot->second = i;
  }
  first_child_.assign(count, kNone);
  next_sibling_.assign(count, kNone);
  place_.assign(count, kNone);
  sorted_.clear();
  const auto parent_of = [&](uint32_t i) {
    const auto found = spans[i].parent_id == 0 ? by_id_.end() : by_id_.find(spans[i].parent_id);
    return found == by_id_.end() || found->second == i ? kNone : found->second;
  };
  for (uint32_t i = count; i-- > 0;) {  // backwards, so that each list begins with the earliest
    const uint32_t parent = parent_of(i);
    if (parent == kNone) continue;
    next_sibling_[i] = first_child_[parent];
    first_child_[parent] = i;
  }
  const auto walk_from = [&](uint32_t root) {
    stack_.assign(1, root);
    while (!stack_.empty()) {
      const uint32_t at = stack_.back();
      stack_.pop_back();
      if (place_[at] != kNone) continue;
      const uint32_t parent = parent_of(at);
      place_[at] = static_cast<uint32_t>(sorted_.size());
      spans[at].parent_back =
          parent == kNone || place_[parent] == kNone || at == root ? 0 : place_[at] - place_[parent];
      sorted_.push_back(spans[at]);
      const size_t first = stack_.size();
      for (uint32_t child = first_child_[at]; child != kNone; child = next_sibling_[child]) stack_.push_back(child);
      std::reverse(stack_.begin() + static_cast<std::ptrdiff_t>(first), stack_.end());
    }
  };
  for (uint32_t i = 0; i < count; ++i) {
    if (parent_of(i) == kNone) walk_from(i);
  }
  for (uint32_t i = 0; i < count; ++i) {
    if (place_[i] == kNone) walk_from(i);
  }
  std::swap(spans, sorted_);
}

}  // namespace backstitch::store::block
