// The words that stand for enum values, in both directions. Internal to config/.
#pragma once

#include <array>
#include <string_view>

#include "config/document.h"
#include "config/section.h"

namespace mayfly::config {

inline constexpr std::array<Choice<Hold>, 3> kHolds{
    {{"exec", Hold::kExec}, {"gate", Hold::kGate}, {"app", Hold::kApp}}};
inline constexpr std::array<Choice<Pull>, 3> kPulls{
    {{"missing", Pull::kMissing}, {"always", Pull::kAlways}, {"never", Pull::kNever}}};
inline constexpr std::string_view kAuto = "auto";

template <class E, std::size_t N>
[[nodiscard]] std::string_view name_of(E value, const std::array<Choice<E>, N>& choices) {
  for (const auto& choice : choices) {
    if (choice.value == value) return choice.name;
  }
  return "";
}

}  // namespace mayfly::config
