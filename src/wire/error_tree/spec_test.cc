// The specification's text and the code say the same: examples, tables, field numbers.
#include <algorithm>
#include <charconv>
#include <map>
#include <sstream>

#include "wire/error_tree/binary.h"
#include "wire/error_tree/binary_format.h"
#include "wire/error_tree/bounds.h"
#include "wire/error_tree/deadline.h"
#include "wire/error_tree/json.h"
#include "wire/error_tree/vectors_testing.h"

namespace backstitch::wire::error_tree {
namespace {

using model::ErrorCode;

const std::string& page() {
  static const std::string text = read_spec("error-tree.md");
  return text;
}

// The fenced blocks whose info string is `KIND example=NAME`, by name.
std::map<std::string, std::string> examples(const std::string& kind) {
  std::map<std::string, std::string> found;
  const std::string fence = "\n```" + kind + " example=";
  for (size_t at = page().find(fence); at != std::string::npos; at = page().find(fence, at + 1)) {
    const size_t name = at + fence.size();
    const size_t begin = page().find('\n', name) + 1;
    found[page().substr(name, begin - 1 - name)] = page().substr(begin, page().find("```", begin) - begin);
  }
  return found;
}

// What stands in the text between two lines that begin so.
std::string section(const std::string& from, const std::string& to) {
  const size_t begin = page().find("\n" + from);
  EXPECT_NE(begin, std::string::npos) << from;
  const size_t end = page().find("\n" + to, begin + 1);
  return page().substr(begin, end - begin);
}

std::string trim(std::string cell) {
  std::erase(cell, '`');
  cell.erase(0, cell.find_first_not_of(' '));
  cell.erase(cell.find_last_not_of(' ') + 1);
  return cell;
}

int64_t to_number(std::string_view text) {
  int64_t number = -1;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// The rows of all tables in `text`, headings and rulers left out.
std::vector<std::vector<std::string>> rows(const std::string& text) {
  std::vector<std::vector<std::string>> found;
  std::istringstream lines(text);
  bool is_body = false;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with('|')) is_body = false;
    if (is_body) {
      std::istringstream cells(line.substr(1));
      found.emplace_back();
      for (std::string cell; std::getline(cells, cell, '|');) found.back().push_back(trim(cell));
    }
    if (line.starts_with("|---")) is_body = true;
  }
  return found;
}

std::string without_space_outside_strings(std::string_view json) {
  std::string compact;
  bool in_string = false;
  for (size_t i = 0; i < json.size(); ++i) {
    if (json[i] == '"') in_string = !in_string;
    if (in_string || (json[i] != ' ' && json[i] != '\n')) compact += json[i];
  }
  return compact;
}

TEST(Specification, json_examples_are_what_we_write) {
  const auto found = examples("json");
  EXPECT_FALSE(found.empty());
  for (const auto& [name, text] : found) {
    const auto decoded = decode_json(text);
    ASSERT_TRUE(decoded) << name << to_string(decoded.error());
    EXPECT_EQ(encode_json(decoded->tree), without_space_outside_strings(text)) << name;
  }
}

TEST(Specification, hex_examples_are_the_json_ones) {
  const auto json = examples("json");
  const auto found = examples("hex");
  EXPECT_FALSE(found.empty());
  for (const auto& [name, text] : found) {
    std::string hex = text;
    std::erase_if(hex, [](char c) { return c == ' ' || c == '\n'; });
    EXPECT_EQ(hex, to_hex(encode_binary(decode_json(json.at(name)).value().tree))) << name;
  }
}

TEST(Specification, example_is_the_vector_of_its_name) {
  for (const Json one : cases("json")) {
    if (text(one, "name") != "drift") continue;
    EXPECT_EQ(text(one, "text"), without_space_outside_strings(examples("json").at("drift")));
    return;
  }
  FAIL() << "no vector of that name";
}

TEST(Specification, codes_and_the_statuses_they_give) {
  const auto table = rows(section("What a service answers over HTTP", "These are code.proto's"));
  ASSERT_EQ(table.size(), ErrorCode::kCanonicalCount + 1u);
  for (size_t i = 0; i < ErrorCode::kCanonicalCount; ++i) {
    const ErrorCode code = ErrorCode::from_number(i);
    EXPECT_EQ(table[i], (std::vector<std::string>{std::to_string(i), std::string(code.name()),
                                                  std::to_string(code.http_status())}));
  }
  EXPECT_EQ(table.back().back(), std::to_string(ErrorCode::from_name("custom").http_status()));
}

constexpr std::string_view kDash = "–";

TEST(Specification, statuses_and_the_codes_they_give) {
  const auto table = rows(section("These are code.proto's", "Two codes share"));
  std::map<int, std::string> expected;
  for (const bool ranges : {true, false}) {  // single statuses count before ranges
    for (const auto& row : table) {
      const size_t dash = row[0].find(kDash);
      if (row[0].starts_with("anything") || (dash != std::string::npos) != ranges) continue;
      const auto first = static_cast<int>(to_number(row[0]));
      const int last = ranges ? static_cast<int>(to_number(row[0].substr(dash + kDash.size()))) : first;
      for (int status = first; status <= last; ++status) expected[status] = row[1];
    }
  }
  for (int status = -1; status <= 1000; ++status) {
    const auto known = expected.find(status);
    EXPECT_EQ(ErrorCode::from_http(status).name(), known == expected.end() ? table.back()[1] : known->second) << status;
  }
}

TEST(Specification, reasons_of_refusals_and_repairs) {
  const auto table = rows(section("## Reading", "More counters"));
  ASSERT_EQ(table.size(), kRefusalCount + kRepairCount);
  for (size_t i = 0; i < kRefusalCount; ++i) EXPECT_EQ(table[i][0], to_string(static_cast<Refusal>(i)));
  for (size_t i = 0; i < kRepairCount; ++i) {
    EXPECT_EQ(table[kRefusalCount + i][0], to_string(static_cast<Repair>(i)));
  }
}

TEST(Specification, bounds) {
  std::map<std::string, std::string> bounds;
  for (const auto& row : rows(section("## Bounds", "A tree is made to fit"))) bounds[row[0]] = row[1];
  const SendBounds send;
  const std::map<std::string, std::string> expected = {
      {"nodes_max", std::to_string(send.nodes_max)},           {"depth_max", std::to_string(send.depth_max)},
      {"bytes_max", std::to_string(send.bytes_max)},           {"decode_bytes_max", std::to_string(kDecodeBytesMax)},
      {"decode_levels_max", std::to_string(kDecodeLevelsMax)}, {"decode_nodes_max", std::to_string(kDecodeNodesMax)}};
  EXPECT_EQ(bounds, expected);
}

TEST(Specification, protobuf_field_numbers) {
  const std::string proto = section("message Node {", "}");
  const std::vector<std::pair<std::string, NodeField>> fields = {{"depth", NodeField::Depth},
                                                                 {"service", NodeField::Service},
                                                                 {"code", NodeField::Code},
                                                                 {"custom_code", NodeField::CustomCode},
                                                                 {"error", NodeField::Error},
                                                                 {"operation", NodeField::Operation},
                                                                 {"duration_nanos", NodeField::DurationNanos},
                                                                 {"span_id", NodeField::SpanId},
                                                                 {"count", NodeField::Count},
                                                                 {"swallowed", NodeField::Swallowed},
                                                                 {"observed_by_caller", NodeField::ObservedByCaller},
                                                                 {"truncated_messages", NodeField::TruncatedMessages},
                                                                 {"truncated_nodes", NodeField::TruncatedNodes},
                                                                 {"truncated_path", NodeField::TruncatedPath},
                                                                 {"claimed_by", NodeField::ClaimedBy},
                                                                 {"other_code", NodeField::OtherCode},
                                                                 {"other_custom_code", NodeField::OtherCustomCode}};
  for (const auto& [name, number] : fields) {
    const std::string line = " " + name + " = " + std::to_string(static_cast<uint32_t>(number)) + ";";
    EXPECT_NE(proto.find(line), std::string::npos) << line;
  }
  EXPECT_EQ(std::count(proto.begin(), proto.end(), '='), static_cast<ptrdiff_t>(fields.size()));
}

std::chrono::nanoseconds duration(const std::string& text) {
  const size_t unit = text.find(' ');
  const int64_t count = to_number(text);
  const std::string name = text.substr(unit + 1);
  if (name == "s") return std::chrono::seconds(count);
  if (name == "ms") return std::chrono::milliseconds(count);
  EXPECT_EQ(name, "us");
  return std::chrono::microseconds(count);
}

TEST(Specification, margins) {
  const auto table = rows(section("| Budget | Margin", "A call to a trusted host"));
  ASSERT_FALSE(table.empty());
  for (const auto& row : table) {
    const auto budget = duration(row[0]);
    EXPECT_EQ(margin(budget), duration(row[1])) << row[0];
    EXPECT_EQ(budget - margin(budget), duration(row[2])) << row[0];
  }
}

}  // namespace
}  // namespace backstitch::wire::error_tree
