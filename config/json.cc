// JSON to tree, by nlohmann's event parser: it neither recurses nor hides a doubled key from us.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "config/tree.h"

namespace mayfly::config {
namespace {

using Json = nlohmann::json;

/// Takes the parser's events and builds the tree. A handler that returns false stops the parser.
class Builder {
 public:
  explicit Builder(std::string_view text) : text_(text) {}

  bool null() { return add({}); }
  bool boolean(bool value) { return add({.at = {}, .value = value}); }
  bool number_integer(Json::number_integer_t value) { return add({.at = {}, .value = value}); }
  bool number_unsigned(Json::number_unsigned_t value) {
    if (value > static_cast<std::uint64_t>(INT64_MAX)) {
      return add({.at = {}, .value = static_cast<double>(value)});
    }
    return add({.at = {}, .value = static_cast<std::int64_t>(value)});
  }
  bool number_float(Json::number_float_t value, const std::string& /*text*/) {
    return add({.at = {}, .value = value});
  }
  bool string(std::string& value) { return add({.at = {}, .value = std::move(value)}); }
  bool binary(Json::binary_t& /*value*/) { return false; }
  bool start_object(std::size_t /*size*/) { return open(Table{}); }
  bool start_array(std::size_t /*size*/) { return open(Array{}); }
  bool key(std::string& key) {
    keys_.back() = std::move(key);
    return true;
  }
  bool end_object() {
    auto& table = std::get<Table>(open_.back().value);
    std::sort(table.begin(), table.end(),
              [](const Member& left, const Member& right) { return left.key < right.key; });
    const auto twice = std::adjacent_find(
        table.begin(), table.end(),
        [](const Member& left, const Member& right) { return left.key == right.key; });
    if (twice != table.end()) return fail({}, "has the key \"" + twice->key + "\" twice");
    return close();
  }
  bool end_array() { return close(); }
  bool parse_error(std::size_t offset, const std::string& /*token*/, const Json::exception& error) {
    std::string what = error.what();
    // "[json.exception.parse_error.101] parse error at line 1, column 2: WHAT"
    if (const auto colon = what.find(": "); colon != std::string::npos) what.erase(0, colon + 2);
    return fail(position_in(text_, offset == 0 ? 0 : offset - 1), "is not valid JSON: " + what);
  }

  tl::expected<Tree, Fault> result() {
    if (fault_) return tl::unexpected(std::move(*fault_));
    if (!std::holds_alternative<Table>(root_.value)) {
      return tl::unexpected(
          fault_at({}, "must be a JSON object, not " + std::string{kind_of(root_)}));
    }
    return std::move(root_);
  }

 private:
  bool open(decltype(Tree::value) empty) {
    if (open_.size() == kDepthMax) return fail({}, "is nested too deep");
    open_.push_back({.at = {}, .value = std::move(empty)});
    keys_.emplace_back();
    return true;
  }
  bool close() {
    Tree done = std::move(open_.back());
    open_.pop_back();
    keys_.pop_back();
    return add(std::move(done));
  }
  bool add(Tree tree) {
    if (open_.empty()) {
      root_ = std::move(tree);
    } else if (auto* array = std::get_if<Array>(&open_.back().value)) {
      array->push_back(std::move(tree));
    } else {
      std::get<Table>(open_.back().value)
          .push_back({.key = std::move(keys_.back()), .at = {}, .value = std::move(tree)});
    }
    return true;
  }
  bool fail(Position at, std::string what) {
    fault_ = fault_at(at, std::move(what));
    return false;
  }

  std::string_view text_;
  Tree root_;
  std::vector<Tree> open_;         ///< arrays and tables that have begun, the innermost last
  std::vector<std::string> keys_;  ///< for each of them, the key that was read last
  std::optional<Fault> fault_;
};

}  // namespace

tl::expected<Tree, Fault> parse_json(std::string_view text) {
  if (text.size() > kTextBytesMax) {
    return tl::unexpected(fault_at({}, "is larger than 1 MiB, the most that is read"));
  }
  Builder builder{text};
  Json::sax_parse(text.begin(), text.end(), &builder);
  return builder.result();
}

}  // namespace mayfly::config
