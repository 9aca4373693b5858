#include "src/text.h"

#include "base/utf8.h"

namespace backstitch::sdk {

std::string_view cut(std::string_view text, size_t characters_max) noexcept {
  if (text.size() <= characters_max) return text;
  size_t at = 0;
  for (size_t count = 0; count < characters_max && at < text.size(); ++count)
    at += base::utf8_step(text.substr(at)).size;
  return text.substr(0, at);
}

std::string_view clean_any(std::string_view text, size_t characters_max, std::string& storage) {
  text = cut(text, characters_max);
  if (base::is_utf8(text)) return text;
  storage.clear();
  base::append_utf8(text, storage);
  return storage;
}

}  // namespace backstitch::sdk
