// What turns an OCI layout into an archive that any Docker can load, when it is put before it: a
// tar with the manifest.json that `docker save` would have written, and without an end. Pure.
#pragma once

#include <string>
#include <vector>

#include "runtime/archive/plan.h"

namespace mayfly::archive {

[[nodiscard]] std::string docker_preface(const std::vector<PlannedImage>& images);

}  // namespace mayfly::archive
