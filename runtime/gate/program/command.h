// The command that the gate becomes: found before the release, so that little is left to do at it.
#pragma once

#include <array>
#include <climits>

#include "runtime/gate/program/agent_frame.h"

namespace mayfly::gate {

class Command {
 public:
  /// `argv` ends with a null pointer, as does `environment`; both outlive this.
  Command(char** argv, char** environment);

  /// Looks where the command is now, and asks for it to be read from disk.
  void prepare();

  /// Becomes the command, with `variables` over the environment. Only returns on failure: errno.
  [[nodiscard]] int run(const Variables& variables);

  /// Why run() failed, for people: "exec /bin/x", "exec x: not in PATH".
  [[nodiscard]] const char* what() const { return what_.data(); }

 private:
  void merge(const Variables& variables);
  int search();
  int execute(const char* path);

  char** argv_;
  char** environment_;  ///< with room for kEnvironmentMax more
  std::size_t inherited_ = 0;
  std::array<char, PATH_MAX> path_{};  ///< where the command was at prepare(); empty: not found
  std::array<char, 512> what_{};
};

/// What a shell would exit with.
[[nodiscard]] int exit_code_of(int exec_errno);

}  // namespace mayfly::gate
