// TOML to tree. The one file that includes toml++, which is slow to compile.
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#define TOML_MAX_NESTED_VALUES 16
// toml++ 3.3 asserts what bad text makes untrue, as "[[[" does (marzer/tomlplusplus#301), or, with
// NDEBUG and clang, lets the compiler assume it. The error branches behind that are right: leave it
// to them.
#undef NDEBUG
#define TOML_ASSERT(expr) static_assert(true)
#include <toml++/toml.h>

#include <algorithm>
#include <optional>

#include "config/tree.h"

namespace mayfly::config {
namespace {

Position position_of(const toml::source_region& region) {
  return {static_cast<std::uint32_t>(region.begin.line),
          static_cast<std::uint32_t>(region.begin.column)};
}

Tree to_tree(const toml::node& node);

Array to_array(const toml::array& nodes) {
  Array array;
  array.reserve(nodes.size());
  for (const toml::node& node : nodes) array.push_back(to_tree(node));
  return array;
}

Table to_table(const toml::table& nodes) {
  Table table;
  table.reserve(nodes.size());
  for (const auto& [key, node] : nodes) {
    table.push_back(
        {.key = std::string{key.str()}, .at = position_of(key.source()), .value = to_tree(node)});
  }
  return table;  // toml::table iterates in the order of its keys
}

Tree to_tree(const toml::node& node) {
  Tree tree{.at = position_of(node.source()), .value = {}};
  node.visit([&tree](const auto& value) {
    using Value = std::remove_cvref_t<decltype(value)>;
    if constexpr (toml::is_table<Value>) {
      tree.value = to_table(value);
    } else if constexpr (toml::is_array<Value>) {
      tree.value = to_array(value);
    } else if constexpr (toml::is_date<Value> || toml::is_time<Value> ||
                         toml::is_date_time<Value>) {
      tree.value = Date{};
    } else {
      tree.value = value.get();
    }
  });
  return tree;
}

/// Moves past the string that begins at `at`; one that does not end reaches to the end of the text.
std::size_t skip_string(std::string_view text, std::size_t at) {
  const char quote = text[at];
  const std::string three(3, quote);
  const bool multiline = text.substr(at, 3) == three;
  at += multiline ? 3 : 1;
  while (at < text.size()) {
    if (quote == '"' && text[at] == '\\') {
      at += 2;
    } else if (!multiline && text[at] == quote) {
      return at + 1;
    } else if (multiline && text.substr(at, 3) == three) {
      at += 3;  // of up to five quotes the last three are the end
      for (int more = 0; more < 2 && at < text.size() && text[at] == quote; ++more) ++at;
      return at;
    } else {
      ++at;
    }
  }
  return text.size();
}

/// What must be refused before toml++ 3.3 sees it:
/// - a dotted key of many parts: the nesting of values is bounded, that of keys is not, and its
/// tables
///   are freed recursively, so that 1 MiB of "a.a.a.…" overflows the stack;
/// - characters beyond ASCII that are in no string or comment: never TOML, but its test for spaces
/// runs
///   into __builtin_unreachable over them.
std::optional<Fault> foresee(std::string_view text) {
  static constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  std::size_t dots = 0;
  std::size_t at = text.substr(0, 3) == kByteOrderMark ? 3 : 0;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '"' || c == '\'') {
      at = skip_string(text, at);
      continue;
    }
    if (c == '#') {
      at = std::min(text.find('\n', at), text.size());
      continue;
    }
    if (static_cast<unsigned char>(c) >= 0x80) {
      return fault_at(position_in(text, at),
                      "is not valid TOML: only strings and comments may hold "
                      "characters other than ASCII");
    }
    if (c == '.') ++dots;
    if (std::string_view{"\n,=[]{}"}.find(c) != std::string_view::npos) dots = 0;
    if (dots == kDepthMax) return fault_at(position_in(text, at), "has a key of too many parts");
    ++at;
  }
  return std::nullopt;
}

}  // namespace

tl::expected<Tree, Fault> parse_toml(std::string_view text) {
  if (text.size() > kTextBytesMax) {
    return tl::unexpected(fault_at({}, "is larger than 1 MiB, the most that is read"));
  }
  if (auto fault = foresee(text)) return tl::unexpected(std::move(*fault));
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed) {
    return tl::unexpected(
        fault_at(position_of(parsed.error().source()),
                 "is not valid TOML: " + std::string{parsed.error().description()}));
  }
  return to_tree(parsed.table());
}

}  // namespace mayfly::config
