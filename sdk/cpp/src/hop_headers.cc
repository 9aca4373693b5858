#include "src/hop_headers.h"

#include "backstitch/outbound.h"
#include "wire/context/text_map.h"
#include "wire/error_tree/deadline.h"

namespace backstitch::sdk {
namespace {

namespace et = wire::error_tree;
using wire::context::equals_ignoring_case;
using wire::context::to_lower;
using wire::context::trim;

constexpr std::string_view kPrefix = "x-error-";
static_assert(et::kDeadlineHeader.front() == kPrefix.front());
constexpr std::string_view kTe = "te";
constexpr size_t kValuesMax = 128;  // of one name; further ones are not looked at

bool begins_with(std::string_view name, char lower) { return !name.empty() && to_lower(name.front()) == lower; }

void join(std::optional<std::string>& list, std::string_view value) {
  if (!list) {
    list = value;
  } else {
    list->append(",").append(value);
  }
}

bool has_trailers(std::string_view list) {
  while (true) {
    const size_t comma = list.find(',');
    const std::string_view member = list.substr(0, comma);
    if (equals_ignoring_case(trim(member.substr(0, member.find(';'))), "trailers")) return true;
    if (comma == std::string_view::npos) return false;
    list.remove_prefix(comma + 1);
  }
}

class RequestVisitor final : public TextMapReader::Visitor {
 public:
  void field(std::string_view name, std::string_view value) override {
    if (name.size() == kTe.size() && equals_ignoring_case(name, kTe)) found_.takes_trailers |= has_trailers(value);
    if (!is_reserved(name) || found_.reserved_count == kValuesMax) return;
    ++found_.reserved_count;
    if (equals_ignoring_case(name, et::kAcceptHeader)) join(found_.accept, value);
    if (equals_ignoring_case(name, et::kBypassHeader)) join(found_.bypass, value);
    if (equals_ignoring_case(name, et::kDeadlineHeader)) deadline(value, found_.deadline);
    if (equals_ignoring_case(name, et::kOtherDeadlineHeader)) deadline(value, other_deadline_);
  }
  RequestHeaders finish() {
    if (!found_.deadline) found_.deadline = other_deadline_;
    return std::move(found_);
  }

 private:
  void deadline(std::string_view value, std::optional<std::chrono::nanoseconds>& first) {
    const auto parsed = et::parse_deadline_ms(trim(value));
    if (!parsed) ++found_.deadlines_refused;
    if (!first) first = parsed;
  }

  RequestHeaders found_;
  std::optional<std::chrono::nanoseconds> other_deadline_;
};

class AnswerVisitor final : public TextMapReader::Visitor {
 public:
  explicit AnswerVisitor(AnswerFields& found) : found_(found) {}
  void field(std::string_view name, std::string_view value) override {
    if (equals_ignoring_case(name, et::kBinaryHeader)) add(found_.binary, value);
    if (equals_ignoring_case(name, et::kJsonHeader)) add(found_.json, value);
  }

 private:
  static void add(std::vector<std::string_view>& values, std::string_view value) {
    if (values.size() < kValuesMax) values.push_back(value);
  }

  AnswerFields& found_;
};

}  // namespace

bool is_reserved(std::string_view field_name) noexcept {
  if (!begins_with(field_name, kPrefix.front()) && !begins_with(field_name, et::kOtherDeadlineHeader.front())) {
    return false;  // most fields
  }
  return equals_ignoring_case(field_name.substr(0, kPrefix.size()), kPrefix) ||
         equals_ignoring_case(field_name, et::kDeadlineHeader) ||
         equals_ignoring_case(field_name, et::kOtherDeadlineHeader);
}

RequestHeaders read_request(const TextMapReader& carrier) {
  RequestVisitor visitor;
  carrier.visit(visitor);
  return visitor.finish();
}

AnswerFields read_answer(const TextMapReader& carrier) {
  AnswerFields found;
  AnswerVisitor visitor(found);
  carrier.visit(visitor);
  return found;
}

}  // namespace backstitch::sdk
