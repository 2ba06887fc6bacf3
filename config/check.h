// Which texts are good names, paths, images and so on. Each answers what is wrong, to be read after
// the key ("must be …"), or "" when nothing is. Internal to config/.
#pragma once

#include <string>
#include <string_view>

namespace mayfly::config {

[[nodiscard]] std::string check_any(std::string_view text);
[[nodiscard]] std::string check_pool_name(std::string_view text);
[[nodiscard]] std::string check_image(std::string_view text);
/// "none", "host", or a name that Docker would take for a network.
[[nodiscard]] std::string check_network(std::string_view text);
/// "host" or "host:port".
[[nodiscard]] std::string check_registry(std::string_view text);
[[nodiscard]] std::string check_username(std::string_view text);  ///< "" is good too
[[nodiscard]] std::string check_user(std::string_view text);
[[nodiscard]] std::string check_env_name(std::string_view text);
[[nodiscard]] std::string check_capability(std::string_view text);
/// Absolute, and written the one way: no ".", "..", "//" or slash at the end.
[[nodiscard]] std::string check_path(std::string_view text);
[[nodiscard]] std::string check_optional_path(std::string_view text);  ///< "" is good too
[[nodiscard]] std::string check_mount_target(std::string_view text);
/// A path short enough for a unix socket.
[[nodiscard]] std::string check_socket(std::string_view text);
[[nodiscard]] std::string check_optional_socket(std::string_view text);  ///< "" is good too
/// "", "none", or such a path.
[[nodiscard]] std::string check_read_socket(std::string_view text);
[[nodiscard]] std::string check_node_name(std::string_view text);  ///< "" is good too
[[nodiscard]] std::string check_label(std::string_view text);
/// "http://host:port" or "https://host:port".
[[nodiscard]] std::string check_endpoint(std::string_view text);
/// "https://host[:port][/path]" or the same with "http"; "" is good too.
[[nodiscard]] std::string check_webhook_url(std::string_view text);
[[nodiscard]] std::string check_webhook_event(std::string_view text);
[[nodiscard]] std::string check_cluster(std::string_view text);
/// A short line of no meaning to us.
[[nodiscard]] std::string check_remark(std::string_view text);
[[nodiscard]] std::string check_identifier(std::string_view text);  ///< of containerd
/// A service or a socket of systemd; "" and "none" are good too.
[[nodiscard]] std::string check_unit(std::string_view text);
[[nodiscard]] std::string check_group(std::string_view text);  ///< "" is good too

}  // namespace mayfly::config
