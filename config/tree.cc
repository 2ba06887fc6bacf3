#include "config/tree.h"

#include <algorithm>
#include <array>

namespace mayfly::config {

const Member* find(const Tree& tree, std::string_view key) {
  const auto* table = std::get_if<Table>(&tree.value);
  if (table == nullptr) return nullptr;
  const auto found = std::lower_bound(
      table->begin(), table->end(), key,
      [](const Member& member, std::string_view wanted) { return member.key < wanted; });
  return found != table->end() && found->key == key ? &*found : nullptr;
}

Fault fault_at(Position at, std::string what) {
  return {.file = {}, .line = at.line, .column = at.column, .what = std::move(what)};
}

std::string_view kind_of(const Tree& tree) {
  static constexpr std::array<std::string_view, std::variant_size_v<decltype(Tree::value)>> kKinds{
      "null",     "a boolean", "a whole number", "a number with a fraction",
      "a string", "a date",    "an array",       "a table"};
  return kKinds[tree.value.index()];
}

}  // namespace mayfly::config
