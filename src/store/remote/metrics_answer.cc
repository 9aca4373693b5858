// Metrics as a node answers them: cells, not yet rates and averages, so that they can be merged.
#include "store/remote/message_reader.h"
#include "store/remote/messages.h"
#include "store/remote/values.h"

namespace backstitch::store {

using base::Result;
using protozero::pbf_writer;
using remote::malformed;
using remote::MessageReader;
using remote::read_message;
using remote::view_of;
using traceql::MetricsCell;
using traceql::TypedValue;
using traceql::ValueType;

namespace {

enum MetricsField : uint32_t { kMetricsIsPartial = 1, kMetricsTruncated = 2, kMetricsSeries = 3 };
enum SeriesField : uint32_t { kSeriesTypes = 1, kSeriesLabels = 2, kSeriesCell = 3 };  // labels: OTLP attributes
enum CellField : uint32_t { kCellStep = 1, kCellCount = 2, kCellSum = 3, kCellMin = 4, kCellMax = 5, kCellBuckets = 6 };

// Whether the value is of the C++ type that stands beside `type` (ValueType).
bool fits(ValueType type, const model::Value& value) {
  switch (type) {
    case ValueType::Nil:
      return value.is_empty();
    case ValueType::Bool:
      return value.as<bool>() != nullptr;
    case ValueType::Int:
    case ValueType::Duration:
    case ValueType::Status:
    case ValueType::Kind:
      return value.as<int64_t>() != nullptr;
    case ValueType::Float:
      return value.as<double>() != nullptr;
    case ValueType::String:
      return value.as<std::string>() != nullptr;
    case ValueType::Array:
      return value.as<model::Array>() != nullptr;
    case ValueType::Opaque:
      return value.as<model::Bytes>() != nullptr || value.as<model::KeyValues>() != nullptr;
  }
  return false;
}

Result<traceql::Labels> make_labels(const std::vector<uint32_t>& types, model::Attributes attributes) {
  if (types.size() != attributes.size()) return malformed("not one type for each label");
  traceql::Labels labels;
  for (size_t i = 0; i < types.size(); ++i) {
    const auto type = static_cast<ValueType>(types[i]);
    if (types[i] > static_cast<uint32_t>(ValueType::Opaque) || !fits(type, attributes[i].value)) {
      return malformed("a label is not of its type");
    }
    labels.push_back({type, std::move(attributes[i].value)});
  }
  return labels;
}

struct SteppedCell {
  uint32_t step = 0;
  MetricsCell cell;
};

Result<SteppedCell> read_cell(std::string_view bytes) {
  SteppedCell read_cell;
  MetricsCell& cell = read_cell.cell;
  const auto read = read_message(bytes, [&](MessageReader& field) -> Result<> {
    switch (field.tag()) {
      case kCellStep:
        read_cell.step = field.get_uint32();
        return {};
      case kCellCount:
        cell.count = field.get_uint64();
        return {};
      case kCellSum:
        cell.sum = field.get_double();
        return {};
      case kCellMin:
        cell.min = field.get_double();
        return {};
      case kCellMax:
        cell.max = field.get_double();
        return {};
      case kCellBuckets: {
        const auto range = field.get_packed_uint64();
        if (range.size() > traceql::kBuckets) return malformed("more buckets than there are");
        cell.buckets.assign(range.begin(), range.end());
        return {};
      }
      default:
        field.skip();
        return {};
    }
  });
  if (!read) return std::unexpected(read.error());
  return read_cell;
}

Result<> read_series(std::string_view bytes, traceql::MetricsPartial& into) {
  std::vector<uint32_t> types;
  std::string_view otlp;
  std::vector<SteppedCell> cells;
  const auto read = read_message(bytes, [&](MessageReader& field) -> Result<> {
    switch (field.tag()) {
      case kSeriesTypes: {
        const auto range = field.get_packed_uint32();
        types.assign(range.begin(), range.end());
        return {};
      }
      case kSeriesLabels:
        otlp = view_of(field);
        return {};
      case kSeriesCell: {
        auto cell = read_cell(view_of(field));
        if (!cell) return std::unexpected(std::move(cell.error()));
        if (cell->step >= into.plan().steps()) return malformed("a step outside the window");
        if (!into.plan().has_histogram() && !cell->cell.buckets.empty()) return malformed("buckets of no histogram");
        cells.push_back(std::move(*cell));
        return {};
      }
      default:
        field.skip();
        return {};
    }
  });
  if (!read) return read;
  auto attributes = remote::decode_attributes(otlp);
  if (!attributes) return std::unexpected(std::move(attributes.error()));
  const auto labels = make_labels(types, std::move(*attributes));
  if (!labels) return std::unexpected(labels.error());
  if (labels->size() != into.plan().metrics().by.size()) return malformed("not one label for each field of by()");
  for (const SteppedCell& one : cells) into.add(*labels, one.step, one.cell);
  return {};
}

void write_cell(pbf_writer& out, uint32_t step, const MetricsCell& cell) {
  pbf_writer one(out, kSeriesCell);
  one.add_uint32(kCellStep, step);
  one.add_uint64(kCellCount, cell.count);
  one.add_double(kCellSum, cell.sum);
  one.add_double(kCellMin, cell.min);
  one.add_double(kCellMax, cell.max);
  one.add_packed_uint64(kCellBuckets, cell.buckets.begin(), cell.buckets.end());
}

}  // namespace

std::string encode_metrics_result(const MetricsResult& result) {
  std::string bytes;
  pbf_writer out(bytes);
  out.add_bool(kMetricsIsPartial, result.is_partial);
  out.add_uint64(kMetricsTruncated, result.series.truncated());
  result.series.for_each([&out](const traceql::Labels& labels, const std::vector<MetricsCell>& cells) {
    pbf_writer series(out, kMetricsSeries);
    std::vector<uint32_t> types;
    model::Attributes values;
    for (const TypedValue& label : labels) {
      types.push_back(static_cast<uint32_t>(label.type));
      values.push_back({"", label.value});
    }
    series.add_packed_uint32(kSeriesTypes, types.begin(), types.end());
    series.add_bytes(kSeriesLabels, remote::encode_attributes(std::move(values)));
    for (uint32_t step = 0; step < cells.size(); ++step) {
      if (cells[step].count != 0) write_cell(series, step, cells[step]);
    }
  });
  return bytes;
}

Result<MetricsResult> decode_metrics_result(std::string_view bytes, const traceql::MetricsPlan& plan) {
  MetricsResult result{.series = traceql::MetricsPartial(plan)};
  const auto read = read_message(bytes, [&](MessageReader& field) -> Result<> {
    switch (field.tag()) {
      case kMetricsIsPartial:
        result.is_partial = field.get_bool();
        return {};
      case kMetricsTruncated:
        result.series.add_truncated(field.get_uint64());
        return {};
      case kMetricsSeries:
        return read_series(view_of(field), result.series);
      default:
        field.skip();
        return {};
    }
  });
  if (!read) return std::unexpected(read.error());
  return result;
}

}  // namespace backstitch::store
