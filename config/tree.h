// A document after parsing and before decoding: values with the place where each was written. TOML
// and JSON both become this, so that one decoder serves both. Knows no keys. Internal to config/.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <variant>
#include <vector>

#include "config/document.h"

namespace mayfly::config {

inline constexpr std::size_t kTextBytesMax = std::size_t{1} << 20;
inline constexpr std::size_t kDepthMax = 16;

/// 1-based; 0 = not known.
struct Position {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
};

struct Tree;
struct Member;
struct Date {};  ///< of TOML; no key takes one

using Array = std::vector<Tree>;
using Table = std::vector<Member>;  ///< sorted by key, each key once

struct Tree {
  Position at;
  std::variant<std::monostate, bool, std::int64_t, double, std::string, Date, Array, Table> value;
};

struct Member {
  std::string key;
  Position at;  ///< of the key
  Tree value;
};

/// The member of that key; null when `tree` is no table or has none.
[[nodiscard]] const Member* find(const Tree& tree, std::string_view key);

/// A fault whose file is yet to be said.
[[nodiscard]] Fault fault_at(Position at, std::string what);

/// Where in the text the byte at `offset` stands.
[[nodiscard]] Position position_in(std::string_view text, std::size_t offset);

/// "a string", "a table", …
[[nodiscard]] std::string_view kind_of(const Tree& tree);

/// Text to tree; the root is always a table. A fault has no file yet. Never throw.
[[nodiscard]] tl::expected<Tree, Fault> parse_toml(std::string_view text);
[[nodiscard]] tl::expected<Tree, Fault> parse_json(std::string_view text);

}  // namespace mayfly::config
