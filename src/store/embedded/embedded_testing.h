// A store in a real directory or on a simulated disk, for its tests.
#pragma once

#include <charconv>
#include <gtest/gtest.h>
#include <memory>
#include <string>

#include "base/simulated_file_system.h"
#include "store/conformance/ask.h"
#include "store/conformance/sample_traces.h"
#include "store/embedded/embedded_store.h"

namespace backstitch::store::embedded {

// Everything that a store is given, and the store.
class Rig {
 public:
  explicit Rig(base::FileSystem& files, EmbeddedOptions options = {}) : files_(files), options_(std::move(options)) {
    if (options_.directory.empty()) options_.directory = "data/store";
  }

  base::Result<> open() {
    store_.reset();
    auto opened = open_embedded_store(options_, {files_, clock_, workers_, metrics_});
    if (!opened) return std::unexpected(opened.error());
    store_ = std::move(*opened);
    return {};
  }
  void close() { store_.reset(); }
  EmbeddedStore& store() { return *store_; }
  bool is_open() const { return store_ != nullptr; }
  const std::string& directory() const { return options_.directory; }
  std::string metrics_text() const { return metrics_.render(); }
  // Of a counter or gauge, by its whole name; 0 where there is none.
  double metric(const std::string& name) const {
    const std::string text = "\n" + metrics_.render();
    const size_t at = text.find("\n" + name + " ");
    double value = 0;
    if (at != std::string::npos) std::from_chars(&text[at + name.size() + 2], text.data() + text.size(), value);
    return value;
  }

 private:
  base::FileSystem& files_;
  EmbeddedOptions options_;
  base::FakeClock clock_;
  base::Workers workers_{0};
  base::Metrics metrics_;
  std::unique_ptr<EmbeddedStore> store_;
};

// Until there is nothing more to do.
inline void maintain_all(TraceStore& store) {
  for (int i = 0; i < 1000; ++i) {
    const auto more = store.maintain({});
    ASSERT_TRUE(more) << more.error().message;
    if (!*more) return;
  }
  FAIL() << "maintenance goes on and on";
}

}  // namespace backstitch::store::embedded
