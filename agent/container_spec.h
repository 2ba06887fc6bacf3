// From a revision to the container that a runtime is asked for: the gate first, then what the user
// said.
#pragma once

#include <string>

#include "agent/catalog.h"
#include "agent/core/ids.h"
#include "runtime/driver.h"

namespace mayfly::agent {

/// What of a container is the node's and the worker's own.
struct WorkerPlace {
  std::string instance;
  std::string container;     ///< its name in the runtime
  std::string worker;        ///< its printed name
  std::string gate_program;  ///< host path of mayfly-gate
  std::string gate_mount;    ///< host directory to be mounted at /.mayfly
};

[[nodiscard]] runtime::ContainerSpec container_spec(const KnownRevision& revision,
                                                    const WorkerPlace& place);

}  // namespace mayfly::agent
