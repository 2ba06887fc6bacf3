#include "runtime/oci/accounts.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

namespace mayfly::oci {
namespace {

using Fields = std::vector<std::string_view>;

constexpr std::size_t kGroupsMax = 1024;

Fields split(std::string_view text, char by) {
  Fields fields;
  for (;;) {
    const auto at = text.find(by);
    fields.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return fields;
    text.remove_prefix(at + 1);
  }
}

/// The highest number is -1 to the kernel, which means "leave it as it is".
std::optional<std::uint32_t> id(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  if (value == std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  return value;
}

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// The first line whose name is `wanted`, or whose id is, when that is a number.
std::optional<Fields> find_line(std::string_view file, std::string_view wanted,
                                std::size_t fields_min) {
  for (const auto line : split(file, '\n')) {
    auto fields = split(line, ':');
    if (fields.size() < fields_min || !id(fields[2])) continue;
    if (is_number(wanted) ? id(fields[2]) == id(wanted) : fields[0] == wanted) return fields;
  }
  return std::nullopt;
}

void add_groups(User& user, std::string_view name, std::string_view group_file) {
  for (const auto line : split(group_file, '\n')) {
    const auto fields = split(line, ':');
    if (fields.size() < 4 || !id(fields[2]) || *id(fields[2]) == user.gid) continue;
    const auto members = split(fields[3], ',');
    const bool listed = std::ranges::find(members, name) != members.end();
    if (listed && user.additional_gids.size() < kGroupsMax) {
      user.additional_gids.push_back(*id(fields[2]));
    }
  }
}

tl::unexpected<std::string> unknown(const char* what, std::string_view name) {
  return tl::unexpected("the image has no " + std::string(what) + " \"" + std::string(name) + "\"");
}

}  // namespace

tl::expected<User, std::string> resolve_user(std::string_view text, const Accounts& accounts) {
  const auto colon = text.find(':');
  const auto user_text = colon == 0 || text.empty() ? "0" : text.substr(0, colon);
  const auto group_text = colon == std::string_view::npos ? "" : text.substr(colon + 1);
  User user;
  const auto account = find_line(accounts.passwd, user_text, 6);
  if (account) {
    user.uid = *id((*account)[2]);
    user.gid = id((*account)[3]).value_or(0);
    if ((*account)[5].starts_with('/')) user.home = (*account)[5];
  } else if (const auto number = is_number(user_text) ? id(user_text) : std::nullopt) {
    user.uid = *number;
  } else {
    return unknown("user", user_text);
  }
  if (user.uid == 0 && !account) user.home = "/root";
  if (group_text.empty()) {
    if (account) add_groups(user, (*account)[0], accounts.group);
    return user;
  }
  if (const auto number = is_number(group_text) ? id(group_text) : std::nullopt) {
    user.gid = *number;
  } else if (const auto group = find_line(accounts.group, group_text, 3)) {
    user.gid = *id((*group)[2]);
  } else {
    return unknown("group", group_text);
  }
  return user;
}

}  // namespace mayfly::oci
