#include "wire/error_tree/verdict.h"

namespace backstitch::wire::error_tree {
namespace {

constexpr std::array<std::string_view, kRefusalCount> kRefusals = {
    "empty",     "too_large",  "bad_base64",    "bad_json", "bad_protobuf",
    "bad_depth", "wrong_type", "missing_field", "too_deep", "too_many_nodes",
};
constexpr std::array<std::string_view, kRepairCount> kRepairs = {
    "text_replaced",   "text_cut",        "service_replaced", "code_replaced",
    "status_replaced", "number_replaced", "span_id_removed",
};

}  // namespace

std::string_view to_string(Refusal refusal) { return kRefusals[static_cast<size_t>(refusal)]; }
std::string_view to_string(Repair repair) { return kRepairs[static_cast<size_t>(repair)]; }

}  // namespace backstitch::wire::error_tree
