#include "agent/coordinator/brake.h"

#include <algorithm>

namespace mayfly::coordinator {
namespace {

constexpr std::uint32_t kNoLimit = 100;

}  // namespace

void Brake::set(const std::string& pool, std::uint32_t workers) {
  in_force_[pool] = workers;
  if (workers == 0) in_force_.erase(pool);
  braked_.erase(pool);
}

std::uint32_t Brake::limit(const std::string& pool, std::uint32_t wanted, core::Time now) {
  const auto known = in_force_.find(pool);
  const std::uint32_t before = known == in_force_.end() ? 0 : known->second;
  if (wanted >= before || percent_ == kNoLimit) {
    set(pool, wanted);
    return wanted;
  }
  if (now >= step_ends_) {
    std::uint64_t all = 0;
    for (const auto& [each, workers] : in_force_) all += workers;
    left_ = (all * percent_ + 99) / 100;
    step_ends_ = now + kPause;
  }
  const auto taken = static_cast<std::uint32_t>(std::min<std::uint64_t>(before - wanted, left_));
  left_ -= taken;
  set(pool, before - taken);
  if (before - taken > wanted) braked_.insert(pool);
  return before - taken;
}

}  // namespace mayfly::coordinator
