// An operation's steps on containerd's calls: it has at most one in flight.
#pragma once

#include <tl/expected.hpp>
#include <utility>

#include "runtime/containerd/api.h"
#include "runtime/operation.h"

namespace mayfly::containerd {

using runtime::Operation;
using runtime::Operations;

/// Binds the reply of a call to the operation's next step, and its failure to `failed`.
template <class Steps, class Reply>
Api::Done<Reply> then(Steps* steps, void (Steps::*next)(Reply)) {
  return [steps, next](tl::expected<Reply, grpc::Failure> reply) {
    if (!reply) return steps->failed(reply.error());
    (steps->*next)(std::move(*reply));
  };
}

}  // namespace mayfly::containerd
