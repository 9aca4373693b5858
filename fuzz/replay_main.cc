// Runs a fuzz target over its corpus without libFuzzer, so that every build, the sanitizers' too, meets each input
// that was ever worth keeping. Small inputs are also run cut short at every byte: truncation is the commonest fault.
//
//   otlp_replay fuzz/corpus/otlp
//
// Exits 1 where a directory holds no input: a target without a corpus tests nothing here.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

constexpr size_t kTruncateBelowBytes = 4096;

// A copy of exactly `size` bytes, so that AddressSanitizer sees a read one past the end.
void run(const std::string& bytes, size_t size) {
  const std::string exact(bytes, 0, size);
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(exact.data()), exact.size());
}

size_t replay(const std::filesystem::path& directory) {
  size_t inputs = 0;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(file), {});
    run(bytes, bytes.size());
    if (bytes.size() <= kTruncateBelowBytes) {
      for (size_t size = 0; size < bytes.size(); ++size) run(bytes, size);
    }
    ++inputs;
  }
  return inputs;
}

}  // namespace

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const size_t inputs = replay(argv[i]);
    std::printf("%s: %zu inputs\n", argv[i], inputs);
    if (inputs == 0) return 1;
  }
  return 0;
}
