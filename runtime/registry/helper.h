// Runs one of Docker's credential helpers as a child process. Knows nothing of what they answer.
#pragma once

#include <chrono>
#include <stop_token>
#include <string>
#include <tl/expected.hpp>

namespace mayfly::registry {

struct Ended {
  int exit_code = 0;
  std::string output;  ///< may hold secrets
};

/// Runs `program` (a path, or a name to look for in PATH) with the one argument "get" and `input`
/// on its standard input. Waits; one that is late, says too much or is not wanted any more is
/// killed. Error: one line, without anything that it said.
[[nodiscard]] tl::expected<Ended, std::string> run_helper(const std::string& program,
                                                          const std::string& input,
                                                          std::chrono::milliseconds deadline,
                                                          const std::stop_token& stop);

}  // namespace mayfly::registry
