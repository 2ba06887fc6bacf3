// What daemons say when a pull or an import fails, sorted into what to do next. They have no codes
// for it: most comes as a text, after a status of 200 or with 500. Pure.
#pragma once

#include <string_view>

#include "runtime/result.h"

namespace mayfly::docker {

/// kFailed: it may succeed when tried again.
[[nodiscard]] runtime::FaultKind kind_of_pull_fault(std::string_view message);

/// kRefused: the file is at fault.
[[nodiscard]] runtime::FaultKind kind_of_import_fault(std::string_view message);

}  // namespace mayfly::docker
