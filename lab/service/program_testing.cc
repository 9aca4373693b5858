#include "lab/service/program_testing.h"

#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/service/spelling.h"

namespace backstitch::lab {
namespace {

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

Program::Program(Variables variables, std::vector<std::string> arguments) {
  variables.emplace("PORT", "0");
  std::vector<std::string> environment;
  for (const auto& [name, value] : variables) environment.push_back(name + "=" + value);
  // A program that ends amid a request leaves its threads where they are.
  if (const char* const tsan = std::getenv("TSAN_OPTIONS")) {
    environment.push_back("TSAN_OPTIONS=" + std::string(tsan) + " report_thread_leaks=0");
  }
  arguments.insert(arguments.begin(), LAB_SERVICE);
  int out[2];
  EXPECT_EQ(::pipe2(out, O_CLOEXEC), 0);
  err_file_ = ::memfd_create("stderr", MFD_CLOEXEC);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err_file_, STDERR_FILENO);
  EXPECT_EQ(
      ::posix_spawn(&pid_, LAB_SERVICE, &actions, nullptr, pointers(arguments).data(), pointers(environment).data()),
      0);
  posix_spawn_file_actions_destroy(&actions);
  ::close(out[1]);
  out_pipe_ = out[0];
}

Program::~Program() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    (void)wait();
  }
  ::close(out_pipe_);
  ::close(err_file_);
}

uint16_t Program::port() {
  if (out_.empty()) read_out_to('\n');
  const size_t colon = out_.rfind(':');
  if (!out_.ends_with('\n') || colon == std::string::npos) return 0;
  return static_cast<uint16_t>(parse_number(out_.substr(colon + 1, out_.size() - colon - 2), 65'535).value_or(0));
}

void Program::signal(int number) const { ::kill(pid_, number); }

int Program::wait() {
  read_out_to('\0');
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = -1;
  char buffer[4096];
  ::lseek(err_file_, 0, SEEK_SET);
  for (ssize_t n = ::read(err_file_, buffer, sizeof buffer); n > 0; n = ::read(err_file_, buffer, sizeof buffer)) {
    err_.append(buffer, static_cast<size_t>(n));
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

// Up to and with `last`, or to its end.
void Program::read_out_to(char last) {
  char c = 0;
  while (::read(out_pipe_, &c, 1) == 1) {
    out_ += c;
    if (c == last) return;
  }
}

}  // namespace backstitch::lab
