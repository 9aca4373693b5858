// With a shell script in the service's place.
#include "app/lab/processes.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <unistd.h>

#include "app/lab/spawn.h"

namespace backstitch::app::lab {
namespace {

using base::Errc;

class LabProcesses : public testing::Test {
 protected:
  LabProcesses() {
    std::string name = (std::filesystem::temp_directory_path() / "backstitch-lab-XXXXXX").string();
    directory_ = mkdtemp(name.data());
    options_ = {.directory = directory_ / "lab", .program = directory_ / "service"};
  }
  ~LabProcesses() override {
    (void)lab_down(options_.directory, base::Duration(0));
    std::filesystem::remove_all(directory_);
  }

  void write_program(const std::string& script) {
    std::ofstream(options_.program) << "#!/bin/sh\n" << script;
    std::filesystem::permissions(options_.program, std::filesystem::perms::owner_all);
  }
  // Says where it serves, and waits.
  void write_service() {
    write_program(
        "echo \"$SERVICE_NAME calls $UPSTREAMS\" >&2\necho \"listening on 127.0.0.1:90$$\"\nexec sleep 600\n");
  }
  std::string log_of(const std::string& name) const {
    std::ifstream file(std::filesystem::path(options_.directory) / (name + ".log"));
    return {std::istreambuf_iterator<char>(file), {}};
  }

  const Topology topology_ = *parse_topology("services: {a: {upstreams: [b]}, b: {protocol: grpc}}");
  std::filesystem::path directory_;
  LabOptions options_;
};

TEST_F(LabProcesses, all_serve_and_know_each_other_until_they_are_ended) {
  write_service();
  const auto services = lab_up(topology_, options_);
  ASSERT_TRUE(services) << services.error().message;
  ASSERT_EQ(services->size(), 2u);
  EXPECT_EQ((*services)[0].name, "a");
  EXPECT_EQ((*services)[1].address, "127.0.0.1:90" + std::to_string((*services)[1].pid));
  EXPECT_EQ(log_of("a"), "a calls b=grpc://" + (*services)[1].address + "\n");

  const auto again = lab_up(topology_, options_);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Errc::AlreadyExists);

  const auto told = lab_services(options_.directory);
  ASSERT_TRUE(told);
  ASSERT_EQ(told->size(), 2u);
  EXPECT_TRUE((*told)[0].is_running);
  EXPECT_EQ((*told)[0].protocol, Protocol::Grpc);

  const auto ended = lab_down(options_.directory);
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->size(), 2u);
  EXPECT_EQ((*ended)[0].name, "a");
  for (const LabService& service : *services) EXPECT_FALSE(is_running({service.pid, service.started}));
  EXPECT_EQ(lab_services(options_.directory).error().code, Errc::NotFound);
}

TEST_F(LabProcesses, a_service_that_asks_for_time_to_end_gets_no_more_than_is_given) {
  write_program("trap '' TERM\necho 'listening on 127.0.0.1:1'\nexec sleep 600\n");
  ASSERT_TRUE(lab_up(topology_, options_));
  const auto ended = lab_down(options_.directory, std::chrono::milliseconds(50));
  ASSERT_TRUE(ended);
  ASSERT_EQ(ended->size(), 2u);
  for (const LabService& service : *ended) EXPECT_FALSE(is_running({service.pid, service.started})) << service.name;
}

TEST_F(LabProcesses, one_that_ends_at_once_ends_the_others_and_its_log_is_told) {
  write_program(
      "[ \"$SERVICE_NAME\" = b ] || { echo 'PORT: no' >&2; exit 2; }\necho 'listening on 127.0.0.1:1'\n"
      "exec sleep 600\n");
  const auto services = lab_up(topology_, options_);
  ASSERT_FALSE(services);
  EXPECT_EQ(services.error().code, Errc::Io);
  EXPECT_EQ(services.error().message, "service 'a': it ended with 2\n  PORT: no");
  const auto told = lab_services(options_.directory);
  ASSERT_TRUE(told);
  ASSERT_EQ(told->size(), 2u);
  for (const LabService& service : *told) EXPECT_FALSE(service.is_running) << service.name;
}

TEST_F(LabProcesses, one_that_does_not_serve_yet_is_known_to_others) {
  write_program(
      "if [ \"$SERVICE_NAME\" = a ]; then\n"
      "  until grep -q '^a' \"$OTEL_EXPORTER_OTLP_ENDPOINT/services\"; do :; done\n"
      "  cut -f 1,5 \"$OTEL_EXPORTER_OTLP_ENDPOINT/services\" >&2\n"
      "  exit 2\n"
      "fi\n"
      "echo 'listening on 127.0.0.1:1'\nexec sleep 600\n");
  options_.otlp_endpoint = options_.directory;
  ASSERT_FALSE(lab_up(topology_, options_));
  EXPECT_EQ(log_of("a"), "b\t-\nb\t127.0.0.1:1\na\t-\n");
}

TEST_F(LabProcesses, one_that_does_not_serve_in_time_is_ended) {
  write_program("exec sleep 600\n");
  options_.start_time = std::chrono::milliseconds(50);
  const auto services = lab_up(topology_, options_);
  ASSERT_FALSE(services);
  EXPECT_EQ(services.error().code, Errc::Timeout);
  const auto told = lab_services(options_.directory);
  ASSERT_TRUE(told);
  for (const LabService& service : *told) EXPECT_FALSE(service.is_running);
}

TEST_F(LabProcesses, a_program_that_is_not_there_is_named) {
  const auto services = lab_up(topology_, options_);
  ASSERT_FALSE(services);
  EXPECT_EQ(services.error().code, Errc::NotFound);
  EXPECT_NE(services.error().message.find(options_.program), std::string::npos) << services.error().message;
}

}  // namespace
}  // namespace backstitch::app::lab
