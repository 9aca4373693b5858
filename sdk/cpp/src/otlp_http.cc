#include "backstitch/otlp_http.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <curl/curl.h>
#include <fcntl.h>

#include "src/gzip.h"
#include "src/otlp_answer.h"

namespace backstitch::sdk {
namespace {

using Milliseconds = std::chrono::milliseconds;
using Outcome = ExportResult::Outcome;

constexpr size_t kAnswerBytesMax = 64 << 10;
constexpr Milliseconds kPollInterval{100};  // how soon a cancel is noticed where wakeups are lost

struct EasyDeleter {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct MultiDeleter {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
struct ListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Easy = std::unique_ptr<CURL, EasyDeleter>;
using Multi = std::unique_ptr<CURLM, MultiDeleter>;
using List = std::unique_ptr<curl_slist, ListDeleter>;

size_t take_answer(char* bytes, size_t, size_t size, void* answer) {
  auto& text = *static_cast<std::string*>(answer);
  try {
    text.append(bytes, std::min(size, kAnswerBytesMax - text.size()));
  } catch (...) {
    return 0;
  }
  return size;  // what is beyond the bound is read and forgotten
}

// A program that the host executes inherits no connection of ours.
int close_on_exec(void*, curl_socket_t socket, curlsocktype) {
  fcntl(socket, F_SETFD, FD_CLOEXEC);
  return CURL_SOCKOPT_OK;
}

bool is_field_text(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c == '\t' || (c >= ' ' && c != 0x7f); });
}

class OtlpHttpExporter final : public SpanExporter {
 public:
  explicit OtlpHttpExporter(OtlpHttpOptions options) : options_(std::move(options)) {}

  // Empty where all is well.
  std::string prepare();
  ExportResult export_request(std::string_view request, size_t span_count, Milliseconds timeout) noexcept override;
  void cancel() noexcept override {
    is_cancelled_.store(true);
    if (CURLM* const multi = running_.load()) curl_multi_wakeup(multi);
  }
  void after_fork() noexcept override {
    // To close them would say goodbye on the parent's connections.
    (void)easy_.release();
    (void)multi_.release();
    running_.store(nullptr);
  }

 private:
  bool open();
  ExportResult post(std::string_view body, Milliseconds timeout);
  CURLcode perform();
  ExportResult answer(CURLcode code) const;

  const OtlpHttpOptions options_;
  List headers_;
  Easy easy_;
  Multi multi_;
  std::atomic<CURLM*> running_{nullptr};
  std::atomic<bool> is_cancelled_{false};
  std::string compressed_, answer_;
  char error_[CURL_ERROR_SIZE] = {};
};

std::string OtlpHttpExporter::prepare() {
  // Safe from every thread since 7.84; never undone, since the host may use curl too.
  if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return "libcurl cannot be used";
  const bool is_http = options_.url.starts_with("http://") || options_.url.starts_with("https://");
  if (!is_http || !is_field_text(options_.url)) return "no URL of HTTP: " + options_.url;
  std::vector<std::string> lines = {"Content-Type: application/x-protobuf", "Expect:"};
  if (options_.is_compressed) lines.emplace_back("Content-Encoding: gzip");
  for (const auto& [name, value] : options_.headers) {
    const bool is_name = !name.empty() && name.find_first_of(" :\t") == std::string::npos && is_field_text(name);
    if (!is_name || !is_field_text(value)) return "no header of HTTP: " + name;
    lines.push_back(value.empty() ? name + ";" : name + ": " + value);  // curl's way of saying an empty value
  }
  for (const std::string& line : lines) {
    curl_slist* const longer = curl_slist_append(headers_.get(), line.c_str());
    if (longer == nullptr) return "no memory";
    (void)headers_.release();
    headers_.reset(longer);
  }
  return {};
}

// One handle for all requests: its connection is used again.
bool OtlpHttpExporter::open() {
  if (easy_ && multi_) return true;
  easy_.reset(curl_easy_init());
  multi_.reset(curl_multi_init());
  if (!easy_ || !multi_) return false;
  CURL* const easy = easy_.get();
  curl_easy_setopt(easy, CURLOPT_URL, options_.url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers_.get());
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "backstitch-sdk-cpp/" BACKSTITCH_SDK_VERSION);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_answer);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &answer_);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error_);
  curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, close_on_exec);
  curl_easy_setopt(easy, CURLOPT_POST, 1L);
  if (!options_.ca_certificate_path.empty()) {
    curl_easy_setopt(easy, CURLOPT_CAINFO, options_.ca_certificate_path.c_str());
  }
  return true;
}

ExportResult OtlpHttpExporter::export_request(std::string_view request, size_t, Milliseconds timeout) noexcept {
  try {
    if (is_cancelled_.load()) return {.outcome = Outcome::Refused, .message = "cancelled"};
    if (!open()) return {.outcome = Outcome::Refused, .message = "no memory for a connection"};
    if (!options_.is_compressed) return post(request, timeout);
    if (!compress_gzip(request, compressed_)) return {.outcome = Outcome::Refused, .message = "no memory for gzip"};
    return post(compressed_, timeout);
  } catch (...) {
    return {.outcome = Outcome::Refused};
  }
}

ExportResult OtlpHttpExporter::post(std::string_view body, Milliseconds timeout) {
  CURL* const easy = easy_.get();
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.data());
  curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(std::min(timeout, options_.timeout).count()));
  answer_.clear();
  error_[0] = '\0';
  return answer(perform());
}

// Not curl_easy_perform, which cannot be woken.
CURLcode OtlpHttpExporter::perform() {
  CURLM* const multi = multi_.get();
  if (curl_multi_add_handle(multi, easy_.get()) != CURLM_OK) return CURLE_FAILED_INIT;
  running_.store(multi);
  CURLcode code = CURLE_ABORTED_BY_CALLBACK;
  int running = 1;
  while (!is_cancelled_.load() && curl_multi_perform(multi, &running) == CURLM_OK) {
    if (running == 0) {
      int left = 0;
      const CURLMsg* const message = curl_multi_info_read(multi, &left);
      code = message != nullptr ? message->data.result : CURLE_FAILED_INIT;
      break;
    }
    if (curl_multi_poll(multi, nullptr, 0, static_cast<int>(kPollInterval.count()), nullptr) != CURLM_OK) break;
  }
  curl_multi_remove_handle(multi, easy_.get());
  return code;
}

ExportResult OtlpHttpExporter::answer(CURLcode code) const {
  if (code != CURLE_OK) {
    // Whether the server has it is unknown; OTLP lets us try again.
    const std::string why = error_[0] != '\0' ? error_ : curl_easy_strerror(code);
    const bool is_hopeless = is_cancelled_.load() || code == CURLE_PEER_FAILED_VERIFICATION;
    return {.outcome = is_hopeless ? Outcome::Refused : Outcome::Retry, .message = why};
  }
  long status = 0;
  curl_off_t wait_seconds = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(easy_.get(), CURLINFO_RETRY_AFTER, &wait_seconds);  // seconds or a date
  return read_answer(static_cast<int>(status), std::chrono::seconds(wait_seconds), answer_);
}

}  // namespace

std::shared_ptr<SpanExporter> otlp_http_exporter(OtlpHttpOptions options, std::string* problem) {
  auto exporter = std::make_shared<OtlpHttpExporter>(std::move(options));
  const std::string found = exporter->prepare();
  if (found.empty()) return exporter;
  if (problem != nullptr) *problem = found;
  return nullptr;
}

}  // namespace backstitch::sdk
