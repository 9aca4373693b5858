#include "store/block/column_writer.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "base/crc32c.h"
#include "store/block/group_contexts.h"

namespace backstitch::store::block {
namespace {

bool fits_32(std::span<const uint64_t> values) {
  uint64_t all = 0;
  for (const uint64_t value : values) all |= value;
  return all < UINT32_MAX;  // one more than a value must fit too
}

}  // namespace

std::string_view TextArena::keep(std::string_view text) {
  if (text.size() > left_) {
    const size_t size = std::max(next_chunk_bytes_, text.size());
    next_chunk_bytes_ = std::min(2 * next_chunk_bytes_, kChunkBytesMax);
    chunks_.push_back(std::make_unique_for_overwrite<char[]>(size));
    at_ = chunks_.back().get();
    left_ = size;
  }
  if (!text.empty()) std::memcpy(at_, text.data(), text.size());
  const std::string_view kept(at_, text.size());
  at_ += text.size();
  left_ -= text.size();
  return kept;
}

ColumnWriter::ColumnWriter(ColumnId id) : raw_width_(raw_bytes(id.field)), is_text_(is_text(id)) {
  index_.id = std::move(id);
}

uint32_t ColumnWriter::push_text(std::string_view text) {
  index_.raw_value_bytes += text.size();
  if (last_code_ == UINT32_MAX || text != last_text_) {
    const auto found = codes_.find(text);
    if (found != codes_.end()) {
      last_text_ = found->first;
      last_code_ = found->second;
    } else {
      last_text_ = arena_.keep(text);
      last_code_ = static_cast<uint32_t>(codes_.size());
      codes_.emplace(last_text_, last_code_);
      new_values_.push_back(last_text_);
    }
  }
  numbers_.push_back(last_code_);
  return last_code_;
}

void ColumnWriter::end_group(const RowContexts* contexts) {
  const uint32_t row_count = rows();
  PageRef page{.offset = pages_.size(), .bytes = 0, .rows = row_count, .crc32c = 0};
  if (row_count != 0) {
    if (raw_width_ != 0) {
      pages_.append(raw_);
    } else {
      encode_page(contexts, pages_);
    }
    page.bytes = static_cast<uint32_t>(pages_.size() - page.offset);
    page.crc32c = base::crc32c(std::string_view(pages_).substr(page.offset));
  }
  index_.pages.push_back(page);
  if (is_text_) {
    PageRef values{
        .offset = values_.size(), .bytes = 0, .rows = static_cast<uint32_t>(new_values_.size()), .crc32c = 0};
    if (!new_values_.empty()) {
      value_encoder_.encode(new_values_, values_);
      values.bytes = static_cast<uint32_t>(values_.size() - values.offset);
      values.crc32c = base::crc32c(std::string_view(values_).substr(values.offset));
    }
    index_.values.push_back(values);
    new_values_.clear();
  } else if (raw_width_ == 0) {
    index_.raw_value_bytes += row_count * sizeof(uint64_t);
  } else {
    index_.raw_value_bytes += raw_.size();
  }
  numbers_.clear();
  raw_.clear();
}

// The layout that was smallest goes on for some groups before all are tried again.
void ColumnWriter::encode_page(const RowContexts* contexts, std::string& out) {
  if (!fits_32(numbers_)) {
    out += '\0';
    plain_encoders_[0].encode(std::span<const uint64_t>(numbers_), out);
    return;
  }
  codes32_.assign(numbers_.begin(), numbers_.end());
  if (groups_until_trial_ != 0) {
    --groups_until_trial_;
    encode_as(layout_, contexts, out);
    return;
  }
  groups_until_trial_ = kTrialEvery - 1;
  best_.clear();
  for (const Transform transform : {Transform::None, Transform::Recent, Transform::Inherited}) {
    if (transform == Transform::Recent && !is_text_) continue;
    if (transform == Transform::Inherited && (contexts == nullptr || !contexts->spans.empty())) continue;
    for (const Context context : {Context::None, Context::Name, Context::Names, Context::Shape}) {
      if (context != Context::None && contexts == nullptr) continue;
      if (context == Context::Shape && contexts->shapes.empty()) continue;
      trial_.clear();
      encode_as({transform, context}, contexts, trial_);
      if (!best_.empty() && trial_.size() >= best_.size()) continue;
      std::swap(trial_, best_);
      layout_ = {transform, context};
    }
  }
  out.append(best_);
}

void ColumnWriter::encode_as(Layout layout, const RowContexts* contexts, std::string& out) {
  out += static_cast<char>(static_cast<int>(layout.transform) | static_cast<int>(layout.context) << 4);
  const std::span<const uint32_t> rows = transformed(layout.transform, contexts);
  if (layout.context == Context::None) {
    plain_encoders_[static_cast<size_t>(layout.transform)].encode(rows, out);
  } else {
    context_encoder_.encode(rows, contexts_of(layout.context, *contexts), out);
  }
}

std::span<const uint32_t> ColumnWriter::transformed(Transform transform, const RowContexts* contexts) {
  if (transform == Transform::None) return codes32_;
  transformed32_.clear();
  if (transform == Transform::Recent) {
    auto next = static_cast<uint32_t>(codes_.size() - new_values_.size());
    for (const uint32_t code : codes32_) {
      transformed32_.push_back(code == next ? 0 : next - code);
      if (code == next) ++next;
    }
    return transformed32_;
  }
  for (size_t row = 0; row < codes32_.size(); ++row) {
    const uint64_t back = rows_back(contexts->parents[row]);
    const bool is_inherited = back != 0 && codes32_[row - back] == codes32_[row];
    transformed32_.push_back(is_inherited ? 0 : codes32_[row] + 1);
  }
  return transformed32_;
}

std::span<const uint32_t> ColumnWriter::contexts_of(Context context, const RowContexts& contexts) {
  if (context == Context::Shape) return contexts.shapes;
  const std::span<const uint32_t> of_spans = context == Context::Name ? contexts.names : contexts.numbers;
  if (contexts.spans.empty()) return of_spans;
  contexts32_.clear();
  for (const uint32_t span : contexts.spans) contexts32_.push_back(of_spans[span]);
  return contexts32_;
}

ColumnIndex ColumnWriter::finish(size_t group_count, std::string& file) {
  const auto place = [&](std::vector<PageRef>& pages, const std::string& bytes) {
    for (PageRef& page : pages) page.offset += file.size();
    file.append(bytes);
    pages.insert(pages.begin(), group_count - pages.size(), PageRef{});
  };
  place(index_.pages, pages_);
  if (is_text_) place(index_.values, values_);
  return std::move(index_);
}

}  // namespace backstitch::store::block
