#include "config/diff.h"

#include <algorithm>
#include <map>

#include "config/load.h"
#include "config/report.h"
#include "config/tree.h"

namespace mayfly::config {
namespace {

constexpr std::string_view kNone = "(none)";

/// A tree's leaves by dotted key; an array is one leaf, since its order is part of its value.
using Leaves = std::map<std::string, std::string>;

std::string number(double value) {
  std::string text = std::to_string(value);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

std::string inline_text(const Tree& tree);

std::string inline_array(const Array& array) {
  std::string text = "[";
  for (const Tree& item : array) text += (text.size() > 1 ? ", " : "") + inline_text(item);
  return text + "]";
}

std::string inline_table(const Table& table) {
  std::string text = "{";
  for (const Member& member : table) {
    text += (text.size() > 1 ? ", " : "") + member.key + " = " + inline_text(member.value);
  }
  return text + "}";
}

std::string inline_text(const Tree& tree) {
  if (const auto* flag = std::get_if<bool>(&tree.value)) return *flag ? "true" : "false";
  if (const auto* whole = std::get_if<std::int64_t>(&tree.value)) return std::to_string(*whole);
  if (const auto* real = std::get_if<double>(&tree.value)) return number(*real);
  if (const auto* text = std::get_if<std::string>(&tree.value)) return "\"" + *text + "\"";
  if (const auto* array = std::get_if<Array>(&tree.value)) return inline_array(*array);
  if (const auto* table = std::get_if<Table>(&tree.value)) return inline_table(*table);
  return std::string{kNone};
}

void flatten(const Tree& tree, const Path& path, Leaves& leaves) {
  const auto* table = std::get_if<Table>(&tree.value);
  if (table == nullptr) {
    const auto* text = std::get_if<std::string>(&tree.value);
    leaves[path.dotted] = text != nullptr ? *text : inline_text(tree);
    return;
  }
  for (const Member& member : *table) flatten(member.value, path.key(member.key), leaves);
}

Leaves leaves_of(const std::string& json) {
  Leaves leaves;
  if (const auto tree = parse_json(json)) flatten(*tree, {}, leaves);
  return leaves;
}

std::string value_of(const Leaves& leaves, const std::string& key) {
  const auto found = leaves.find(key);
  return found != leaves.end() ? found->second : std::string{kNone};
}

}  // namespace

std::vector<Difference> differences(const std::string& from, const std::string& to) {
  const Leaves before = leaves_of(from);
  const Leaves after = leaves_of(to);
  Leaves all = before;
  all.insert(after.begin(), after.end());
  std::vector<Difference> changes;
  for (const auto& [key, value] : all) {
    Difference change{key, value_of(before, key), value_of(after, key)};
    if (change.from != change.to) changes.push_back(std::move(change));
  }
  return changes;
}

Diff diff(const Pool& from, const Pool& to) {
  return {.changes = differences(to_json(from), to_json(to)),
          .new_revision = !(from.worker == to.worker)};
}

}  // namespace mayfly::config
