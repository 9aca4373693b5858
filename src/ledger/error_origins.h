// Error origins by the minute: which service failed first, how often, and for whom. A table in memory; whoever owns it
// keeps it on disk (ingest/error_ledger) and gives it the time.
//
//   ErrorOrigins origins({});
//   origins.add({.origin = {.service = "bank", …}, .minute = 28'333'333, .count = 1, .example = id});
//   origins.rows({.limit = 10});   // most frequent first
//
// One thread at a time.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/error_origin.h"

namespace backstitch::ledger {

struct ErrorOriginsBounds {
  size_t entries_max = 50'000;    // minutes × origins: some 20 MB
  size_t per_minute_max = 2'000;  // origins; what else fails in that minute counts for its service or, in another
                                  // as many, for nobody in particular
  size_t text_bytes_max = 256;    // of each text; the services, operations and codes of error trees are shorter
};

class ErrorOrigins {
 public:
  explicit ErrorOrigins(const ErrorOriginsBounds& bounds = {}) : bounds_(bounds) {}

  // Texts beyond their bound are cut. Where there is no room, the oldest minute goes. Returns how many failed requests
  // are counted no more for that: `one` itself where none is older.
  uint64_t add(const model::ErrorOriginCount& one);
  void remove_before(uint64_t minute);
  size_t size() const { return entries_.size(); }

  // Most frequent first, ties by the texts. Cost O(entries in range × log).
  std::vector<model::ErrorOriginRow> rows(const model::ErrorOriginQuery& query) const;

  // All entries, as bytes for a checkpoint. Equal tables give equal bytes.
  void encode(std::string& out) const;
  // Adds what encode() wrote. Corrupt; then a part of it may have been added.
  base::Result<> decode(std::string_view bytes);

 private:
  struct Counted {
    uint64_t count = 0;
    model::TraceId example;
  };
  using Key = std::pair<uint64_t, model::ErrorOrigin>;  // minute first: what is asked for and what goes is a range

  Key key_of(const model::ErrorOriginCount& one) const;
  uint64_t remove_oldest_minute();

  const ErrorOriginsBounds bounds_;
  std::map<Key, Counted> entries_;
  std::map<uint64_t, size_t> per_minute_;  // entries
};

// The minute that a point in time lies in.
constexpr uint64_t minute_of(base::Timestamp at) { return at.unix_nanos / 60'000'000'000; }

// One count as bytes, for a record of counts; read_count() takes what write_count() wrote off the front.
void write_count(const model::ErrorOriginCount& one, std::string& out);
class ByteReader;
model::ErrorOriginCount read_count(ByteReader& reader);

}  // namespace backstitch::ledger
