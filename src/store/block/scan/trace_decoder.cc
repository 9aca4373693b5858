#include "store/block/scan/trace_decoder.h"

#include "wire/otlp/decode.h"

namespace backstitch::store::block {

base::Result<model::Trace> TraceDecoder::read(const TraceHead& head) {
  if (group_ != head.row.group) {
    group_ = head.row.group;
    for (const ColumnIndex& column : block_.index().columns) {
      if (column.pages[*group_].rows != 0) spending_.count_page(column.pages[*group_].bytes);
    }
  }
  const auto otlp = reader_.read(head);
  if (!otlp) return std::unexpected(otlp.error());
  spending_.metrics().traces_decoded.add();
  return wire::otlp::decode_trace(head.id, *otlp);
}

}  // namespace backstitch::store::block
