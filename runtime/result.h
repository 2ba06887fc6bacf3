// How anything asked of a runtime ends: a value, or a fault of a kind that tells what to do next.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <tl/expected.hpp>

namespace mayfly::runtime {

enum class FaultKind : std::uint8_t {
  kRefused,   ///< the runtime says no, and would say so again: bad image, bad spec
  kFailed,    ///< it did not work this time and has been undone
  kNotFound,  ///< the thing named is not there (authoritative)
  kUnknown,   ///< no answer, or a broken one: it may or may not have happened
};

struct Fault {
  FaultKind kind = FaultKind::kFailed;
  std::string what;  ///< one line for people; each layer has added its context once
};

template <class T>
using Result = tl::expected<T, Fault>;

/// Called at most once, on the loop.
template <class T>
using Done = std::function<void(Result<T>)>;

}  // namespace mayfly::runtime
