// One pass notes where everything lies (parse), one adds up how large each part's messages become (measure), one copies
// (write). Runs of bytes that stay together are copied at once.
#include "wire/otlp/split.h"

#include <algorithm>
#include <cassert>
#include <fmt/format.h>

#include "wire/otlp/cursor.h"
#include "wire/otlp/otlp_fields.h"

namespace backstitch::wire::otlp {

using base::Errc;
using base::fail;
using base::Result;

namespace {

constexpr uint32_t kNobody = UINT32_MAX;

struct Run {
  const char* begin;
  const char* end;

  size_t size() const { return static_cast<size_t>(end - begin); }
};

// Indices into one of State's vectors.
struct Range {
  size_t begin = 0;
  size_t end = 0;
};

// A whole field, tag and length included.
struct SpanRun {
  Run run;
  uint32_t target;
};

// What a target's part has of a message: as many bytes, without the head of its field.
struct Piece {
  uint32_t target;
  uint64_t size;
};

struct ScopeSpans {
  Cursor body;
  Range others;  // runs of fields that are no spans
  Range spans;
  Range pieces;
};

struct ResourceSpans {
  Cursor body;
  Range others;  // runs of fields that are no ScopeSpans
  Range scopes;
  Range pieces;
  uint32_t home;  // the target of its first span; it gets what has no spans
};

// Adds up by target, and hands out those that something was added to.
class Sums {
 public:
  void resize(uint32_t targets) {
    sums_.assign(targets, 0);
    is_touched_.assign(targets, false);
    touched_.clear();
  }
  void add(uint32_t target, uint64_t size) {
    if (!is_touched_[target]) touched_.push_back(target);
    is_touched_[target] = true;
    sums_[target] += size;
  }
  // To each sum comes `more`. Begins anew.
  Range take(uint64_t more, std::vector<Piece>& pieces) {
    Range range{pieces.size(), pieces.size() + touched_.size()};
    for (const uint32_t target : touched_) {
      pieces.push_back({target, sums_[target] + more});
      sums_[target] = 0;
      is_touched_[target] = false;
    }
    touched_.clear();
    return range;
  }

 private:
  std::vector<uint64_t> sums_;
  std::vector<bool> is_touched_;
  std::vector<uint32_t> touched_;
};

size_t varint_size(uint64_t value) {
  size_t size = 1;
  while (value >= 0x80) {
    value >>= 7;
    ++size;
  }
  return size;
}

void append_varint(uint64_t value, std::string& out) {
  while (value >= 0x80) {
    out += static_cast<char>(value | 0x80);
    value >>= 7;
  }
  out += static_cast<char>(value);
}

// All tags here are below 128.
size_t field_size(uint64_t size) { return 1 + varint_size(size) + size; }

void append_field_head(uint32_t field, uint64_t size, std::string& out) {
  out += static_cast<char>(tag_of(field, WireType::Bytes));
  append_varint(size, out);
}

uint64_t load_low64(const char* id) {
  uint64_t value;
  std::memcpy(&value, id + 8, sizeof(value));
  return __builtin_bswap64(value);
}

constexpr size_t kTraceIdSize = 16;
constexpr uint64_t kHeadBytesMax = 6;  // tag and length of a message

// The first trace id counts, 0 where there is none of the right length. Every encoder that follows the order of the
// fields writes it in front.
uint64_t low64_of(Cursor span) {
  while (!span.at_end()) {
    const uint32_t tag = span.tag();
    if (tag == tag_of(kSpanTraceId, WireType::Bytes)) {
      const Cursor id = span.bytes();
      return id.size() == kTraceIdSize ? load_low64(id.position()) : 0;
    }
    span.skip(tag);
  }
  return 0;
}

}  // namespace

struct Splitter::State {
  explicit State(SplitLimits given) : limits(given) {}

  void parse(Cursor request);
  void parse_resource(ResourceSpans& resource);
  void parse_scope(const ResourceSpans& resource, ScopeSpans& scope);
  uint32_t target_for(uint64_t low64);
  uint32_t piece_for(const ResourceSpans& resource, const ScopeSpans& scope, uint64_t span_bytes);
  Result<Split> finish(std::string_view request);
  void add_other(const char* begin, const char* end, size_t first);
  void check_count(size_t count, const char* what) const;
  void measure();
  void measure_resource(ResourceSpans& resource);
  uint64_t bytes_of(const Range& range) const;
  void append(const Range& range, std::string& out) const;
  std::vector<RequestPart> write() const;
  void write_resource(const ResourceSpans& resource, const std::vector<std::string*>& out) const;
  void write_scope(const ScopeSpans& scope, const std::vector<std::string*>& out) const;

  const SplitLimits limits;
  const TargetOf* target_of = nullptr;  // null: pieces are cut by size
  uint32_t targets = 0;
  uint64_t piece_bytes_max = 0;
  uint64_t piece_bytes = 0;           // of the piece that takes the next span
  const char* piece_scope = nullptr;  // whose head is in it already
  std::vector<Run> runs;
  Range request_others;  // runs of fields of the request that are no ResourceSpans
  std::vector<ResourceSpans> resources;
  std::vector<ScopeSpans> scopes;
  std::vector<SpanRun> spans;
  std::vector<Piece> pieces;  // of ScopeSpans and ResourceSpans
  std::vector<Piece> parts;   // whole requests
  Sums scope_sums, resource_sums, request_sums;
  std::vector<uint32_t> span_counts;  // by target
  uint64_t last_low64 = 0;
  uint32_t last_target = kNobody;
};

uint32_t Splitter::State::target_for(uint64_t low64) {
  if (target_of == nullptr) return 0;
  if (low64 != last_low64 || last_target == kNobody) {
    last_target = (*target_of)(low64);
    last_low64 = low64;
    assert(last_target < targets);
  }
  return last_target;
}

// What a message repeats of its own and its owner's is counted where it was seen so far: in front of the spans, as
// every encoder has it.
uint32_t Splitter::State::piece_for(const ResourceSpans& resource, const ScopeSpans& scope, uint64_t span_bytes) {
  const auto head_bytes = [&] {
    return 4 * kHeadBytesMax + bytes_of(resource.others) + bytes_of({scope.others.begin, runs.size()});
  };
  if (piece_scope != scope.body.position()) piece_bytes += head_bytes();
  if (piece_bytes + span_bytes > piece_bytes_max && !spans.empty() && spans.back().target + 1 == targets) {
    ++targets;
    piece_bytes = head_bytes();
  }
  piece_scope = scope.body.position();
  piece_bytes += span_bytes;
  return targets - 1;
}

// Fields next to each other are one run; `first` is where the runs of this message begin.
void Splitter::State::add_other(const char* begin, const char* end, size_t first) {
  if (runs.size() > first && runs.back().end == begin) {
    runs.back().end = end;
  } else {
    runs.push_back({begin, end});
  }
}

// A fault like those of the framing, since nothing was divided yet; told apart by `at`.
void Splitter::State::check_count(size_t count, const char* what) const {
  if (count >= limits.spans_max) throw WireFault{what, nullptr};
}

void Splitter::State::parse(Cursor request) {
  runs.clear();
  resources.clear();
  scopes.clear();
  spans.clear();
  pieces.clear();
  parts.clear();
  last_target = kNobody;
  while (!request.at_end()) {
    const char* const begin = request.position();
    const uint32_t tag = request.tag();
    if (tag == tag_of(kRequestResourceSpans, WireType::Bytes)) {
      check_count(resources.size(), "ResourceSpans");
      resources.push_back({.body = request.bytes(), .others = {}, .scopes = {}, .pieces = {}, .home = kNobody});
    } else {
      request.skip(tag);
      add_other(begin, request.position(), 0);
    }
  }
  request_others = {0, runs.size()};
  for (ResourceSpans& resource : resources) parse_resource(resource);
  const uint32_t home = spans.empty() ? target_for(0) : spans[0].target;
  for (ResourceSpans& resource : resources) {
    if (resource.home == kNobody) resource.home = home;
  }
}

void Splitter::State::parse_resource(ResourceSpans& resource) {
  resource.others.begin = runs.size();
  resource.scopes.begin = scopes.size();
  Cursor body = resource.body;
  while (!body.at_end()) {
    const char* const begin = body.position();
    const uint32_t tag = body.tag();
    if (tag == tag_of(kResourceSpansScopeSpans, WireType::Bytes)) {
      check_count(scopes.size(), "ScopeSpans");
      scopes.push_back({.body = body.bytes(), .others = {}, .spans = {}, .pieces = {}});
    } else {
      body.skip(tag);
      add_other(begin, body.position(), resource.others.begin);
    }
  }
  resource.others.end = runs.size();
  resource.scopes.end = scopes.size();
  const size_t first_span = spans.size();
  for (size_t i = resource.scopes.begin; i < resource.scopes.end; ++i) parse_scope(resource, scopes[i]);
  if (spans.size() > first_span) resource.home = spans[first_span].target;
}

void Splitter::State::parse_scope(const ResourceSpans& resource, ScopeSpans& scope) {
  scope.others.begin = runs.size();
  scope.spans.begin = spans.size();
  Cursor body = scope.body;
  while (!body.at_end()) {
    const char* const begin = body.position();
    const uint32_t tag = body.tag();
    if (tag == tag_of(kScopeSpansSpans, WireType::Bytes)) {
      check_count(spans.size(), "spans");
      const Cursor span = body.bytes();
      const uint32_t target = target_of != nullptr
                                  ? target_for(low64_of(span))
                                  : piece_for(resource, scope, static_cast<uint64_t>(body.position() - begin));
      spans.push_back({{begin, body.position()}, target});
    } else {
      body.skip(tag);
      add_other(begin, body.position(), scope.others.begin);
    }
  }
  scope.others.end = runs.size();
  scope.spans.end = spans.size();
}

uint64_t Splitter::State::bytes_of(const Range& range) const {
  uint64_t bytes = 0;
  for (size_t i = range.begin; i < range.end; ++i) bytes += runs[i].size();
  return bytes;
}

void Splitter::State::append(const Range& range, std::string& out) const {
  for (size_t i = range.begin; i < range.end; ++i) out.append(runs[i].begin, runs[i].size());
}

void Splitter::State::measure_resource(ResourceSpans& resource) {
  for (size_t i = resource.scopes.begin; i < resource.scopes.end; ++i) {
    ScopeSpans& scope = scopes[i];
    for (size_t k = scope.spans.begin; k < scope.spans.end; ++k) {
      scope_sums.add(spans[k].target, spans[k].run.size());
      ++span_counts[spans[k].target];
    }
    if (scope.spans.begin == scope.spans.end) scope_sums.add(resource.home, 0);
    scope.pieces = scope_sums.take(bytes_of(scope.others), pieces);
    for (size_t k = scope.pieces.begin; k < scope.pieces.end; ++k) {
      resource_sums.add(pieces[k].target, field_size(pieces[k].size));
    }
  }
  if (resource.scopes.begin == resource.scopes.end) resource_sums.add(resource.home, 0);
  resource.pieces = resource_sums.take(bytes_of(resource.others), pieces);
  for (size_t k = resource.pieces.begin; k < resource.pieces.end; ++k) {
    request_sums.add(pieces[k].target, field_size(pieces[k].size));
  }
}

void Splitter::State::measure() {
  for (Sums* sums : {&scope_sums, &resource_sums, &request_sums}) sums->resize(targets);
  span_counts.assign(targets, 0);
  for (ResourceSpans& resource : resources) measure_resource(resource);
  if (resources.empty()) request_sums.add(target_for(0), 0);
  (void)request_sums.take(bytes_of(request_others), parts);
  std::ranges::sort(parts, {}, &Piece::target);
}

std::vector<RequestPart> Splitter::State::write() const {
  std::vector<RequestPart> written;
  written.reserve(parts.size());
  std::vector<std::string*> out(targets);
  for (const Piece& part : parts) {
    RequestPart& made = written.emplace_back();
    made.target = part.target;
    made.spans = span_counts[part.target];
    made.bytes.reserve(part.size);
    append(request_others, made.bytes);
    out[part.target] = &made.bytes;
  }
  for (const ResourceSpans& resource : resources) write_resource(resource, out);
  return written;
}

void Splitter::State::write_resource(const ResourceSpans& resource, const std::vector<std::string*>& out) const {
  for (size_t i = resource.pieces.begin; i < resource.pieces.end; ++i) {
    std::string& bytes = *out[pieces[i].target];
    append_field_head(kRequestResourceSpans, pieces[i].size, bytes);
    append(resource.others, bytes);
  }
  for (size_t i = resource.scopes.begin; i < resource.scopes.end; ++i) write_scope(scopes[i], out);
}

void Splitter::State::write_scope(const ScopeSpans& scope, const std::vector<std::string*>& out) const {
  for (size_t i = scope.pieces.begin; i < scope.pieces.end; ++i) {
    std::string& bytes = *out[pieces[i].target];
    append_field_head(kResourceSpansScopeSpans, pieces[i].size, bytes);
    append(scope.others, bytes);
  }
  for (size_t i = scope.spans.begin; i < scope.spans.end;) {
    Run run = spans[i].run;
    const uint32_t target = spans[i].target;
    for (++i; i < scope.spans.end && spans[i].target == target && spans[i].run.begin == run.end; ++i) {
      run.end = spans[i].run.end;
    }
    out[target]->append(run.begin, run.size());
  }
}

Splitter::Splitter(SplitLimits limits) : state_(std::make_unique<State>(limits)) {}
Splitter::~Splitter() = default;

Result<Split> Splitter::split(std::string_view request, uint32_t targets, const TargetOf& target_of) {
  assert(targets > 0);
  state_->targets = targets;
  state_->target_of = &target_of;
  return state_->finish(request);
}

Result<Split> Splitter::cut(std::string_view request, uint64_t bytes_max) {
  state_->targets = 1;  // grows
  state_->target_of = nullptr;
  state_->piece_bytes_max = bytes_max;
  state_->piece_bytes = 0;
  state_->piece_scope = nullptr;
  return state_->finish(request);
}

Result<Split> Splitter::State::finish(std::string_view request) {
  try {
    parse(Cursor::reading(request));
  } catch (const WireFault& fault) {
    if (fault.at == nullptr) {
      return fail(Errc::TooLarge,
                  fmt::format("the request has more than {} {}, the most allowed", limits.spans_max, fault.what));
    }
    return fail(Errc::Malformed, fmt::format("{} at byte {}", fault.what, fault.at - request.data()));
  }
  measure();
  Split split{.parts = {}, .spans = static_cast<uint32_t>(spans.size())};
  uint64_t bytes = 0;
  for (const Piece& part : parts) bytes += part.size;
  split.is_undivided = parts.size() > 1 && bytes > request.size() + limits.repeated_max;
  if (parts.size() > 1 && !split.is_undivided) {
    split.parts = write();
    return split;
  }
  const uint32_t target = resources.empty() ? parts[0].target : resources[0].home;
  split.parts.push_back({.target = target, .spans = split.spans, .is_whole = true, .bytes = {}});
  return split;
}

}  // namespace backstitch::wire::otlp
