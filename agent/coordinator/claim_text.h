// The values of `members/<node>` and `slots/<pool>/<n>`: JSON, small. What is read may be anything.
// Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "agent/coordinator/etcd/messages.h"
#include "agent/coordinator/share.h"

namespace mayfly::coordinator {

struct Claim {
  std::string pool = {};
  std::uint32_t slot = 0;
  std::string node = {};
  std::string instance = {};
};

[[nodiscard]] std::string member_text(const Member& member);
[[nodiscard]] std::string claim_text(const Claim& claim, std::uint64_t token);

/// A value that is no member's is somebody's all the same, who takes no part.
[[nodiscard]] std::optional<Member> member_of(const etcd::KeyValue& kv);
/// None: the key is no slot's. A value that is no claim is somebody's all the same: nobody's node.
[[nodiscard]] std::optional<Claim> claim_of(const etcd::KeyValue& kv);

}  // namespace mayfly::coordinator
