// How a creation that failed ends, once what it had made is removed.
#pragma once

#include <variant>

#include "runtime/result.h"

namespace mayfly::runtime {

/// The creation's own fault; unknown, where some of it may be left.
[[nodiscard]] inline Fault after_undoing(Fault fault, const Result<std::monostate>& removed) {
  if (removed) return fault;
  fault.kind = FaultKind::kUnknown;
  fault.what += "; and undoing it: " + removed.error().what;
  return fault;
}

}  // namespace mayfly::runtime
