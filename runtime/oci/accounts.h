// Who a container runs as: "uid", "uid:gid", "name[:group]" against the image's own /etc/passwd and
// /etc/group. Pure text in, numbers out.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

namespace mayfly::oci {

/// The two files of an image; empty where it has none.
struct Accounts {
  std::string passwd;
  std::string group;
};

struct User {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::vector<std::uint32_t> additional_gids;
  std::string home = "/";
};

/// "" is root. A number needs no entry in passwd; where it has one, group and home come from it.
/// The groups that list the user are added unless a group is named. Error: one line.
[[nodiscard]] tl::expected<User, std::string> resolve_user(std::string_view text,
                                                           const Accounts& accounts);

}  // namespace mayfly::oci
