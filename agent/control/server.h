// The control server: HTTP/1.1 on a unix socket, and on another one that is for reading only, on
// the agent's loop. Knows sockets, callers, caps
// and deadlines; refuses to know pools and workers (that is Operations, behind the routes). Owned
// by the agent, used on the loop's thread. Destruction cuts every connection and calls nothing
// back.
#pragma once

#include <sys/types.h>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "agent/control/operations.h"

namespace mayfly::control {

/// One request that could change something, with what came of it; for the log. Bodies and queries
/// are left out: they may hold secrets.
struct Audit {
  uid_t uid = 0;
  pid_t pid = 0;
  std::string method;
  std::string path;
  unsigned status = 0;
};

struct SocketOptions {
  std::string path;   ///< absolute
  std::string group;  ///< its members may use the socket beside root; "" = nobody else
  int handed_over =
      -1;  ///< one that is listened on already, instead of `path`; becomes the server's
};

struct ServerOptions {
  SocketOptions socket;
  std::optional<SocketOptions> read_socket;  ///< nothing can be changed over it
  std::string spool_directory;               ///< uploads wait here for the daemon; created 0700
  std::function<void(const Audit&)> audit;

  std::uint32_t header_bytes_max = 16 * 1024;
  std::uint64_t body_bytes_max = 1024 * 1024;
  std::uint64_t import_bytes_max = 16ULL * 1024 * 1024 * 1024;
  std::size_t connections_max = 64;  ///< on each socket: readers cannot shut out the others
  std::size_t streams_max = 32;      ///< of those, at most so many may follow something
  std::chrono::milliseconds idle_timeout{60'000};     ///< between requests
  std::chrono::milliseconds request_timeout{30'000};  ///< to send one, to take its answer
  std::chrono::milliseconds answer_timeout{60'000};   ///< for the daemon to answer: then 504
  std::chrono::milliseconds import_timeout{900'000};  ///< for an upload and its import, each
  std::chrono::milliseconds linger_timeout{1'000};    ///< for a refused peer to read why
  std::chrono::milliseconds follow_interval{100};  ///< how often a follower's source is looked at
};

class Server {
 public:
  /// `loop` and `operations` must outlive it.
  Server(boost::asio::io_context& loop, ServerOptions options, Operations& operations);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Binds and listens: 0660 root:group, or 0600 where there is no such group. Replaces a socket
  /// that nobody answers on. One that was handed over stays as it is, also after the end. Error:
  /// one line with the path and what to do.
  [[nodiscard]] tl::expected<void, std::string> start();

  /// What start() had to do without.
  [[nodiscard]] const std::vector<std::string>& warnings() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mayfly::control
