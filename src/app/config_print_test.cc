#include "app/config_print.h"

#include <gtest/gtest.h>

#include "app/file.h"

namespace backstitch::app {
namespace {

TEST(ConfigPrint, reference_page_is_up_to_date) {
  const base::Result<std::string> page = read_file(BACKSTITCH_SOURCE_DIR "/docs/configuration.md", 1 << 20);
  ASSERT_TRUE(page.has_value()) << page.error().message;
  EXPECT_EQ(*page, config_markdown()) << "run: backstitch config print --markdown > docs/configuration.md";
}

TEST(ConfigPrint, json_names_value_and_origin_of_each_key) {
  const ConfigResult loaded = load_config(ConfigSources{});
  const std::string json = config_json(loaded);
  EXPECT_NE(json.find(R"("memory":{"value":"2GiB","from":"default"})"), std::string::npos) << json;
  EXPECT_NE(json.find(R"("otlp_http.cors_origins":{"value":[],"from":"default"})"), std::string::npos) << json;
}

}  // namespace
}  // namespace backstitch::app
