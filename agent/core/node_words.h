// How a node stands, in the words that people, scripts and the other nodes of a fleet read. Each is
// spelled here for all that says it; the command reads it, as others do, from what is said.
#pragma once

namespace mayfly::core::node_words {

inline constexpr const char* kOpen = "open";
inline constexpr const char* kCordoned = "cordoned";
inline constexpr const char* kDraining = "draining";
inline constexpr const char* kDrained = "drained";

}  // namespace mayfly::core::node_words
