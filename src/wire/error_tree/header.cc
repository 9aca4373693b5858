#include "wire/error_tree/header.h"

#include <algorithm>

#include "base/base64.h"
#include "wire/error_tree/binary.h"
#include "wire/error_tree/bounds.h"
#include "wire/error_tree/json.h"

namespace backstitch::wire::error_tree {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t";
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool equals_without_case(std::string_view text, std::string_view lower) {
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(),
                    [](char a, char b) { return to_lower(a) == b; });
}

// Calls `take` with each part of a list with commas.
template <typename Take>
void for_each_part(std::string_view list, Take take) {
  for (;;) {
    const size_t comma = list.find(',');
    take(trimmed(list.substr(0, comma)));
    if (comma == std::string_view::npos) return;
    list.remove_prefix(comma + 1);
  }
}

Form accepted_form(std::string_view accept) {
  Form form = Form::None;
  for_each_part(accept, [&](std::string_view part) {
    const std::string_view word = trimmed(part.substr(0, part.find(';')));
    if (equals_without_case(word, "bin")) form = Form::Binary;
    if (equals_without_case(word, "json") && form == Form::None) form = Form::Json;
  });
  return form;
}

Verdict<Decoded> decode_base64(std::string_view text) {
  if (text.empty()) return std::unexpected(Refusal::Empty);
  if (text.size() > kDecodeBytesMax) return std::unexpected(Refusal::TooLarge);
  const auto bytes = base::from_base64(text);
  if (!bytes) return std::unexpected(Refusal::BadBase64);
  return decode_binary(*bytes);
}

// Takes values in order: the first valid one wins.
class Reading {
 public:
  template <typename Decode>
  void take(Decode decode) {
    if (answer_.decoded) {
      ++answer_.duplicates;
      return;
    }
    Verdict<Decoded> decoded = decode();
    if (decoded) {
      answer_.decoded = std::move(*decoded);
    } else {
      ++answer_.refused[static_cast<size_t>(decoded.error())];
    }
  }
  void take_json(std::string_view value) {
    bool has_more = false;
    const bool is_first = !answer_.decoded;
    take([&] { return decode_json_header(value, has_more); });
    if (is_first && answer_.decoded && has_more) ++answer_.duplicates;
  }
  Answer finish() { return std::move(answer_); }

 private:
  Answer answer_;
};

}  // namespace

bool is_bypassed(const Caller& caller) {
  return caller.is_trusted && caller.bypass && equals_without_case(trimmed(*caller.bypass), "true");
}

Form answer_form(const Caller& caller) {
  if (!caller.is_trusted) return caller.is_exposed ? Form::Json : Form::None;
  if (is_bypassed(caller)) return Form::None;
  return caller.accept ? accepted_form(*caller.accept) : Form::Json;
}

std::string to_header(std::string_view bytes) {
  std::string text = base::to_base64(bytes);
  while (!text.empty() && text.back() == '=') text.pop_back();
  return text;
}

Answer read_answer(const AnswerHeaders& headers) {
  Reading reading;
  for (const std::string_view value : headers.binary) {
    if (headers.protocol == Protocol::Grpc) {
      reading.take([&] { return decode_binary(value); });
    } else if (value.size() > kDecodeBytesMax) {
      reading.take([] { return Verdict<Decoded>(std::unexpected(Refusal::TooLarge)); });
    } else {
      for_each_part(value, [&](std::string_view part) { reading.take([&] { return decode_base64(part); }); });
    }
  }
  for (const std::string_view value : headers.json) reading.take_json(value);
  return reading.finish();
}

}  // namespace backstitch::wire::error_tree
