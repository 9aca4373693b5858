// What does a value cost in a page of a columnar block: nanoseconds to encode and decode, and bytes, by codec?
//
//   build/release/bench/page_bench
#include <benchmark/benchmark.h>
#include <cmath>
#include <fmt/format.h>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "base/random.h"
#include "store/block/context_page.h"
#include "store/block/integer_page.h"
#include "store/block/string_page.h"

namespace backstitch::store::block {
namespace {

constexpr size_t kRows = 4096;  // of a row group

using MakeInteger = std::function<uint64_t(base::Random&, size_t row)>;
using MakeString = std::function<std::string(base::Random&, size_t row)>;

uint64_t nanos(base::Random& random, double median) {
  double normal = -6;
  for (int i = 0; i < 12; ++i) normal += random.unit();
  return static_cast<uint64_t>(median * std::exp(1.8 * normal));
}

template <typename Value, typename Make>
std::vector<Value> rows(const Make& make) {
  base::Random random(1);
  std::vector<Value> values(kRows);
  for (size_t row = 0; row < kRows; ++row) values[row] = static_cast<Value>(make(random, row));
  return values;
}

void report(benchmark::State& state, size_t page_bytes) {
  const auto values = static_cast<double>(state.iterations() * kRows);
  state.counters["per_value"] = benchmark::Counter(values, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.counters["bytes_per_value"] = static_cast<double>(page_bytes) / kRows;
}

void encode_integers(benchmark::State& state, const MakeInteger& make) {
  const auto values = rows<uint64_t>(make);
  IntegerEncoder encoder;  // trials included, as rare as they are in a column's life
  std::string page;
  for (auto _ : state) {
    page.clear();
    encoder.encode(std::span<const uint64_t>(values), page);
  }
  report(state, page.size());
}

std::string page_of(const MakeInteger& make) {
  IntegerEncoder encoder;
  std::string page;
  encoder.encode(std::span<const uint64_t>(rows<uint64_t>(make)), page);
  return page;
}

void decode_wide(benchmark::State& state, const MakeInteger& make) {
  const std::string page = page_of(make);
  std::vector<uint64_t> values;
  for (auto _ : state) {
    if (!decode_integers(page, kRows, values)) state.SkipWithError("corrupt");
    benchmark::DoNotOptimize(values.data());
  }
  report(state, page.size());
}

void decode_narrow(benchmark::State& state, const MakeInteger& make) {
  const std::string page = page_of(make);
  std::vector<uint32_t> values;
  for (auto _ : state) {
    if (!decode_integers32(page, kRows, values)) state.SkipWithError("corrupt");
    benchmark::DoNotOptimize(values.data());
  }
  report(state, page.size());
}

struct Related {
  std::vector<uint32_t> contexts = rows<uint32_t>([](base::Random& random, size_t) { return random.below(80); });
  std::vector<uint32_t> codes = rows<uint32_t>([this](base::Random& random, size_t row) {
    return contexts[row] / 3 + (random.chance(0.05) ? random.below(5) : 0);
  });
};

void encode_context(benchmark::State& state) {
  const Related related;
  ContextEncoder encoder;
  std::string page;
  for (auto _ : state) {
    page.clear();
    encoder.encode(related.codes, related.contexts, page);
  }
  report(state, page.size());
}

void decode_context(benchmark::State& state) {
  const Related related;
  ContextEncoder encoder;
  std::string page;
  encoder.encode(related.codes, related.contexts, page);
  std::vector<uint32_t> codes;
  for (auto _ : state) {
    if (!decode_in_context(page, related.contexts, codes)) state.SkipWithError("corrupt");
  }
  report(state, page.size());
}

void encode_strings(benchmark::State& state, const MakeString& make) {
  const auto texts = rows<std::string>(make);
  const std::vector<std::string_view> values(texts.begin(), texts.end());
  StringEncoder encoder;
  std::string page;
  for (auto _ : state) {
    page.clear();
    encoder.encode(values, page);
  }
  report(state, page.size());
}

std::string page_of(const std::vector<std::string>& texts) {
  const std::vector<std::string_view> values(texts.begin(), texts.end());
  StringEncoder encoder;
  std::string page;
  encoder.encode(values, page);
  return page;
}

void decode_texts(benchmark::State& state, const MakeString& make) {
  const std::string page = page_of(rows<std::string>(make));
  std::string storage;
  std::vector<std::string_view> values;
  for (auto _ : state) {
    if (!decode_strings(page, kRows, storage, values)) state.SkipWithError("corrupt");
  }
  report(state, page.size());
}

void find_text(benchmark::State& state, const MakeString& make) {
  const auto texts = rows<std::string>(make);
  const std::string page = page_of(texts);
  for (auto _ : state) {
    const auto found = find_string(page, kRows, texts.back());
    if (!found || !*found) state.SkipWithError("not found");
  }
  report(state, page.size());
}

std::string uuid(base::Random& random) {
  return fmt::format("{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}", random.next() >> 32, random.next() >> 48,
                     random.next() >> 52, random.next() >> 52, random.next() >> 16);
}

struct Integers {
  const char* name;
  MakeInteger make;
};
const Integers kIntegers[] = {
    {"constant", [](base::Random&, size_t) { return 200; }},
    {"packed_6_bits", [](base::Random& r, size_t) { return r.below(64); }},
    {"packed_17_bits", [](base::Random& r, size_t) { return r.below(1 << 17); }},
    {"packed_50_bits", [](base::Random& r, size_t) { return r.next() >> 14; }},
    {"runs", [](base::Random&, size_t row) { return row / 37 * 7919 % 61; }},
    {"rising", [](base::Random& r, size_t row) { return 1'770'000'000'000'000'000 + row * 5000 + r.below(4000); }},
    {"skewed_codes", [](base::Random& r, size_t) { return nanos(r, 8) % 200; }},
    {"durations", [](base::Random& r, size_t) { return nanos(r, 3.2e6); }},
    {"few_wide", [](base::Random& r, size_t) { return 8080 + r.below(9) * r.below(9) * 1003; }},
    {"microseconds", [](base::Random& r, size_t) { return nanos(r, 3200) * 1000; }},
    {"mixed_clocks", [](base::Random& r, size_t) { return nanos(r, 3200) * (r.chance(0.6) ? 1000 : 1'000'000); }},
};

struct Texts {
  const char* name;
  MakeString make;
};
const Texts kTexts[] = {
    {"uuids", [](base::Random& r, size_t) { return uuid(r); }},
    {"sessions", [](base::Random& r, size_t) { return "GET session:" + uuid(r); }},
    {"hex", [](base::Random& r, size_t) { return fmt::format("{:016x}", r.next()); }},
    {"numbers", [](base::Random& r, size_t) { return fmt::format("{}", r.below(1'000'000'000)); }},
    {"urls",
     [](base::Random& r, size_t) {
       return fmt::format("https://shop.example/api/products/{}/reviews?page={}", r.below(100'000), r.below(9));
     }},
    {"peers",
     [](base::Random& r, size_t) { return fmt::format("10.3.{}.{}:{}", r.below(9), r.below(256), r.below(65536)); }},
    {"letters",
     [](base::Random& r, size_t) {
       std::string text(10, ' ');
       for (char& c : text) c = static_cast<char>('A' + r.below(26));
       return text;
     }},
};

void add_all() {
  for (const auto& [name, make] : kIntegers) {
    benchmark::RegisterBenchmark(fmt::format("encode_integers/{}", name).c_str(), encode_integers, make);
    benchmark::RegisterBenchmark(fmt::format("decode_integers/{}", name).c_str(), decode_wide, make);
    if (range_of(rows<uint64_t>(make)).max <= std::numeric_limits<uint32_t>::max()) {
      benchmark::RegisterBenchmark(fmt::format("decode_integers32/{}", name).c_str(), decode_narrow, make);
    }
  }
  benchmark::RegisterBenchmark("encode_in_context", encode_context);
  benchmark::RegisterBenchmark("decode_in_context", decode_context);
  for (const auto& [name, make] : kTexts) {
    benchmark::RegisterBenchmark(fmt::format("encode_strings/{}", name).c_str(), encode_strings, make);
    benchmark::RegisterBenchmark(fmt::format("decode_strings/{}", name).c_str(), decode_texts, make);
    benchmark::RegisterBenchmark(fmt::format("find_string/{}", name).c_str(), find_text, make);
  }
}

const bool kAdded = (add_all(), true);

}  // namespace
}  // namespace backstitch::store::block
