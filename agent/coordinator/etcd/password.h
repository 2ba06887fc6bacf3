// The password of etcd's user, as a file holds it. Read anew at each login, so that it can be
// changed under a running daemon.
#pragma once

#include <string>
#include <tl/expected.hpp>

namespace mayfly::etcd {

/// Without the newline at its end. Error: one line that names the file.
[[nodiscard]] tl::expected<std::string, std::string> read_password(const std::string& file);

}  // namespace mayfly::etcd
