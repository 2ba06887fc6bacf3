#include "agent/cli/fleet/failures.h"

#include "agent/cli/text.h"

namespace mayfly::cli::fleet {

Failure failure_of(const etcd::Error& error, const std::string& cluster) {
  const std::string what = printable(error.what);
  switch (error.kind) {
    case etcd::ErrorKind::kRefused:
      return {ExitCode::kRefused, "the etcd of cluster " + cluster + " refuses: " + what};
    case etcd::ErrorKind::kNotFound:
      return {ExitCode::kNotFound, "the etcd of cluster " + cluster + " has none: " + what};
    case etcd::ErrorKind::kFailed:
      return {ExitCode::kNoDaemon, "no etcd of cluster " + cluster + " answers: " + what};
    case etcd::ErrorKind::kUnknown:
      return {ExitCode::kTimedOut, "the etcd of cluster " + cluster + " did not answer: " + what};
  }
  return {};
}

}  // namespace mayfly::cli::fleet
