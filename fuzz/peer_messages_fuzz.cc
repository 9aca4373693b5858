// Any bytes as whatever another node may send: the first byte says as what. Decoded, or an error; a query that was
// decoded can be asked again.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "store/remote/messages.h"
#include "traceql/parse.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace backstitch;  // NOLINT(google-build-using-namespace): one small program
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const model::TraceId ids[] = {model::TraceId::from_bytes("0123456789abcdef")};
  switch (data[0] % 9) {
    case 0: {
      const auto query = store::decode_search(bytes);
      if (!query) return 0;
      const auto again = store::encode_search(*query);
      if (again && !store::decode_search(*again)) std::abort();
      return 0;
    }
    case 1: {
      const auto query = store::decode_metrics(bytes);
      if (query) (void)store::encode_metrics(*query);
      return 0;
    }
    case 2:
      (void)store::decode_traces(bytes, ids);
      return 0;
    case 3:
      (void)store::decode_search_result(bytes);
      return 0;
    case 4: {
      const auto query = traceql::parse("{ } | histogram_over_time(duration) by (name, span.x)");
      const auto plan = traceql::MetricsPlan::create(*query, {{1000}, {1100}, base::Duration(10)});
      const auto result = store::decode_metrics_result(bytes, *plan);
      if (result) (void)result->series.finish();
      return 0;
    }
    case 5:
      (void)store::decode_stats(bytes);
      return 0;
    case 6:
      (void)store::decode_list_question(bytes);
      return 0;
    case 7:
      (void)store::decode_operations(bytes);
      return 0;
    default:
      (void)store::decode_ids(bytes, 4);
      return 0;
  }
}
