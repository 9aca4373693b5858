// gzip (RFC 1952), and zlib-wrapped deflate (RFC 1950) on the way in, with a bound on what comes out: 64 KiB
// of gzip can inflate to 64 MiB, and gzip of gzip to anything.
//
//   Result<std::string> text = gunzip(bytes, 64 << 20);
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace backstitch::net {

// TooLarge as soon as the output would pass `size_max`, with no more memory than that used; Malformed for
// anything else.
base::Result<std::string> gunzip(std::string_view compressed, size_t size_max);
// Fast rather than small (level 1): for answers that are made once and sent once.
std::string gzip(std::string_view bytes);

// Inflates piece by piece, so that compressed bytes need not be collected first. The two formats are told
// apart by their first bytes; several gzip members in a row are one text, as RFC 1952 says.
class Inflater {
 public:
  Inflater();
  ~Inflater();
  Inflater(Inflater&&) noexcept;
  Inflater& operator=(Inflater&&) noexcept;

  // Forgets what came so far. Output from here on is refused beyond `size_max` bytes.
  void reset(size_t size_max);
  // Appends what `compressed` holds to `out`, at most 64 KiB at a time; after each such step `grew(bytes)`
  // may return false to stop (Overloaded). TooLarge, Malformed. After an error only reset() may follow; `out`
  // then holds the bytes before it.
  base::Result<> feed(std::string_view compressed, std::string& out,
                      const std::function<bool(size_t bytes)>& grew = {});
  // Malformed if the text has not come to its end.
  base::Result<> finish() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace backstitch::net
