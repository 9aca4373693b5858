// The built program backstitch-lab-service, started and ended by a test.
#pragma once

#include <string>
#include <sys/types.h>
#include <vector>

#include "lab/service/lab_testing.h"

namespace backstitch::lab {

class Program {
 public:
  // With these variables and no others; PORT is 0 where they don't say.
  explicit Program(Variables variables, std::vector<std::string> arguments = {});
  // Kills it if it is still there.
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  // The port of its ready line; waits for that. 0 where it ended without one.
  uint16_t port();
  void signal(int number) const;
  // Waits for its end. Its exit code, or minus the signal that killed it.
  int wait();
  // All that it wrote until its end. After wait().
  const std::string& out() const { return out_; }
  const std::string& err() const { return err_; }

 private:
  void read_out_to(char last);

  pid_t pid_ = -1;
  int out_pipe_ = -1, err_file_ = -1;
  std::string out_, err_;
};

}  // namespace backstitch::lab
