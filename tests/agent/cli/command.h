// The real `mayfly`, run as a person runs it.
#pragma once

#include <string>
#include <vector>

namespace mayfly::cli {

struct Ran {
  int code = -1;  ///< 128 + signal if it was killed
  std::string out;
  std::string err;
};

/// Waits for its end. `input` is its standard input. Neither output is a terminal.
Ran run_mayfly(const std::string& socket, const std::vector<std::string>& arguments,
               const std::string& input = "");

/// A `mayfly` that goes on; ended with this.
class RunningMayfly {
 public:
  RunningMayfly(const std::string& socket, const std::vector<std::string>& arguments);
  ~RunningMayfly();
  RunningMayfly(const RunningMayfly&) = delete;
  RunningMayfly& operator=(const RunningMayfly&) = delete;

  /// Until `mark` has come or it ends.
  std::string read_until(const std::string& mark);
  /// Nobody reads its output any more; waits for its end.
  int hang_up();
  /// As Ctrl-C does; waits for its end.
  int interrupt();

 private:
  int wait_for_end();

  int pid_ = -1;
  int out_ = -1;
};

}  // namespace mayfly::cli
