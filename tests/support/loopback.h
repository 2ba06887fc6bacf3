// The few steps of plain HTTP on loopback that servers of tests share.
#pragma once

#include <string>
#include <string_view>

namespace mayfly::support {

/// A socket that listens on a free port of loopback, which goes to `port`. Throws.
[[nodiscard]] int listen_on_loopback(int& port);
/// A connection, or -1.
[[nodiscard]] int connect_to_loopback(int port);

[[nodiscard]] bool send_all(int fd, std::string_view bytes);

/// Up to the empty line, with the line end before it; what has come of the body is left in `rest`.
/// Empty: the peer is gone.
[[nodiscard]] std::string read_head(int fd, std::string& rest);

/// Of a head; "" = none.
[[nodiscard]] std::string header_in(const std::string& head, const std::string& lower_case_name);

}  // namespace mayfly::support
