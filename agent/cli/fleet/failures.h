// What an error of etcd's is to the one at the command line.
#pragma once

#include <string>

#include "agent/cli/outcome.h"
#include "agent/coordinator/etcd/messages.h"

namespace mayfly::cli::fleet {

[[nodiscard]] Failure failure_of(const etcd::Error& error, const std::string& cluster);

}  // namespace mayfly::cli::fleet
