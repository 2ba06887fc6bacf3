#include "agent/control/server.h"

#include <sys/socket.h>
#include <array>
#include <boost/asio/steady_timer.hpp>
#include <optional>

#include "agent/control/session.h"
#include "agent/control/socket_file.h"
#include "agent/control/spool.h"

namespace mayfly::control {
namespace {

namespace asio = boost::asio;
using Local = asio::local::stream_protocol;
using ErrorCode = boost::system::error_code;

constexpr std::chrono::milliseconds kAcceptPause{100};

/// Best effort: what does not fit into the socket's buffer is not sent.
void turn_away(Local::socket& socket) {
  const std::string body = error_response(503, "busy", "too many connections; try again").body;
  const std::string text =
      "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n"
      "Content-Type: application/json\r\nContent-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body;
  if (send(socket.native_handle(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
    return;
}

/// One socket, and those who came in by it.
struct Listener {
  Listener(Hub shared) : hub(std::move(shared)), acceptor(hub.loop), pause(hub.loop) {}
  ~Listener() { cut_sessions(hub); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  [[nodiscard]] tl::expected<void, std::string> start(const SocketOptions& options,
                                                      std::optional<gid_t> group) {
    auto listening = options.handed_over >= 0 ? SocketFile::adopt(options.handed_over)
                                              : SocketFile::listen(options.path, group);
    if (!listening) return tl::unexpected(listening.error());
    file.emplace(std::move(*listening));
    ErrorCode error;
    acceptor.assign(Local(), file->take(), error);
    if (error) return tl::unexpected("control socket " + options.path + ": " + error.message());
    accept_next();
    return {};
  }

  void accept_next() {
    acceptor.async_accept([this, token = watch()](ErrorCode error, Local::socket socket) {
      if (token.expired() || error == asio::error::operation_aborted) return;
      if (error) return rest();
      serve(std::move(socket));
      accept_next();
    });
  }

  /// Out of descriptors or memory: trying again at once would spin.
  void rest() {
    pause.expires_after(kAcceptPause);
    pause.async_wait([this, token = watch()](ErrorCode error) {
      if (!token.expired() && !error) accept_next();
    });
  }

  /// A handler that was queued before the destruction runs after it.
  [[nodiscard]] std::weak_ptr<void> watch() const { return alive; }

  void serve(Local::socket socket) {
    const auto caller = caller_of(socket.native_handle());
    if (!caller) return;
    if (hub.sessions.size() >= hub.options.connections_max) return turn_away(socket);
    begin_session(std::move(socket), *caller, hub);
  }

  std::shared_ptr<void> alive = std::make_shared<char>();
  Hub hub;
  Local::acceptor acceptor;
  asio::steady_timer pause;
  std::optional<SocketFile> file;
};

}  // namespace

struct Server::Impl {
  Impl(asio::io_context& shared_loop, ServerOptions given, Operations& answering)
      : loop(shared_loop), options(std::move(given)), operations(answering) {}

  [[nodiscard]] tl::expected<void, std::string> open(const SocketOptions& socket, Access most) {
    const auto group = find_group(socket.group);
    if (!socket.group.empty() && !group) {
      warnings.push_back("there is no group \"" + socket.group + "\": only root can use the " +
                         (most == Access::kRead ? "read-only " : "") +
                         "control socket; add the group");
    }
    Door door{most, {}};
    if (group) door.groups.push_back(*group);
    listeners.push_back(
        std::make_unique<Listener>(Hub{loop, options, operations, disk, std::move(door)}));
    return listeners.back()->start(socket, group);
  }

  asio::io_context& loop;
  const ServerOptions options;
  Operations& operations;
  asio::thread_pool disk{1};
  std::vector<std::unique_ptr<Listener>> listeners;
  std::vector<std::string> warnings;
};

Server::Server(asio::io_context& loop, ServerOptions options, Operations& operations)
    : impl_(std::make_unique<Impl>(loop, std::move(options), operations)) {}

Server::~Server() {
  impl_->listeners.clear();
  impl_->disk.stop();
  impl_->disk.join();
}

tl::expected<void, std::string> Server::start() {
  const ServerOptions& options = impl_->options;
  return Spool::prepare(options.spool_directory)
      .and_then([&] { return impl_->open(options.socket, Access::kWrite); })
      .and_then([&]() -> tl::expected<void, std::string> {
        if (!options.read_socket) return {};
        return impl_->open(*options.read_socket, Access::kRead);
      });
}

const std::vector<std::string>& Server::warnings() const {
  return impl_->warnings;
}

}  // namespace mayfly::control
