// A cap on shrinking: of the workers that a coordinator has given this node, as many as one step
// may take away, then again as many of what is left, however much is asked for. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "agent/core/time.h"

namespace mayfly::coordinator {

class Brake {
 public:
  static constexpr std::chrono::seconds kPause{10};  ///< from one step to the next

  explicit Brake(std::uint32_t percent) : percent_(percent) {}

  /// So many are in force by what else decides about it.
  void set(const std::string& pool, std::uint32_t workers);
  /// So many are wanted: how many of them, or how many more, are in force from now on?
  [[nodiscard]] std::uint32_t limit(const std::string& pool, std::uint32_t wanted, core::Time now);

  /// The pools that have more than is wanted of them.
  [[nodiscard]] const std::set<std::string>& braked() const { return braked_; }
  /// When to ask for those again; kNever: there are none.
  [[nodiscard]] core::Time due() const { return braked_.empty() ? core::kNever : step_ends_; }

 private:
  std::uint32_t percent_;
  std::map<std::string, std::uint32_t> in_force_;
  std::set<std::string> braked_;
  core::Time step_ends_{};
  std::uint64_t left_ = 0;  ///< of this step
};

}  // namespace mayfly::coordinator
