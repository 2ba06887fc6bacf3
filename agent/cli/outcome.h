// How a verb ends: the exit codes that scripts rely on, and the one line that says why.
#pragma once

#include <string>
#include <tl/expected.hpp>

namespace mayfly::cli {

enum class ExitCode : int {
  kOk = 0,
  kError = 1,
  kUsage = 2,
  kNotFound = 3,
  kRefused = 4,
  kTimedOut = 5,
  kNoDaemon = 6,
};

struct Failure {
  ExitCode code = ExitCode::kError;
  std::string what;  ///< what happened and what to do
};

template <class T>
using Result = tl::expected<T, Failure>;
using Outcome = Result<void>;

[[nodiscard]] inline tl::unexpected<Failure> fail(ExitCode code, std::string what) {
  return tl::unexpected(Failure{code, std::move(what)});
}

}  // namespace mayfly::cli
