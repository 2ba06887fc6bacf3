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

Position position_in(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, offset);
  const std::string_view line = before.substr(before.rfind('\n') + 1);  // npos + 1 is 0
  const auto lines = std::count(before.begin(), before.end(), '\n');
  const auto characters = std::count_if(line.begin(), line.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U;  // not within a UTF-8 character
  });
  return {static_cast<std::uint32_t>(lines + 1), static_cast<std::uint32_t>(characters + 1)};
}

std::string_view kind_of(const Tree& tree) {
  static constexpr std::array<std::string_view, std::variant_size_v<decltype(Tree::value)>> kKinds{
      "null",     "a boolean", "a whole number", "a number with a fraction",
      "a string", "a date",    "an array",       "a table"};
  return kKinds[tree.value.index()];
}

}  // namespace mayfly::config
