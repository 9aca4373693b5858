#include "store/remote/values.h"

#include "store/remote/message_reader.h"
#include "wire/otlp/decode.h"

namespace backstitch::store::remote {

std::string encode_spans(std::vector<model::Span> spans) {
  // One resource and scope for all: the encoder groups by them, so that the order stays.
  for (model::Span& span : spans) span.resource = span.scope = 0;
  return wire::otlp::encode_request({.resources = {{}}, .scopes = {{}}, .spans = std::move(spans)});
}

base::Result<std::vector<model::Span>> decode_spans(std::string_view otlp) {
  auto set = wire::otlp::decode_request(otlp);
  if (!set) return std::unexpected(std::move(set.error()));
  return std::move(set->spans);
}

std::string encode_attributes(model::Attributes attributes) {
  std::vector<model::Span> spans(1);
  spans[0].attributes = std::move(attributes);
  return encode_spans(std::move(spans));
}

base::Result<model::Attributes> decode_attributes(std::string_view otlp) {
  auto spans = decode_spans(otlp);
  if (!spans) return std::unexpected(std::move(spans.error()));
  if (spans->size() != 1) return malformed("attributes of no span, or of several");
  return std::move(spans->front().attributes);
}

}  // namespace backstitch::store::remote
