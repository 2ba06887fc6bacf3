// What the tests of config/ share: a minimal pool, and faults as text.
#pragma once

#include <algorithm>
#include <string>

#include "config/load.h"

namespace mayfly::config {

inline const std::string kMinimal = "name = \"encode\"\nimage = \"encode:1\"\n";

inline std::string text_of(const Faults& faults) {
  std::string text;
  for (const Fault& fault : faults) text += to_string(fault) + "\n";
  return text;
}

/// The faults of a pool in TOML, one a line; "" when it is good.
inline std::string faults_of(const std::string& text) {
  const auto pool = parse_pool_toml(text, "p.toml");
  return pool ? "" : text_of(pool.error());
}

/// The same for the minimal pool with something added.
inline std::string faults_with(const std::string& added) {
  return faults_of(kMinimal + added);
}

inline bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace mayfly::config
