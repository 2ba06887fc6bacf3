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

}  // namespace

struct Server::Impl {
  Impl(asio::io_context& loop, ServerOptions options, Operations& operations)
      : hub{loop, std::move(options), operations}, acceptor(loop), pause(loop) {}

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
    begin_session(std::move(socket), *caller, access_of(*caller, group), hub);
  }

  std::shared_ptr<void> alive = std::make_shared<char>();
  Hub hub;
  Local::acceptor acceptor;
  asio::steady_timer pause;
  std::optional<gid_t> group;
  std::optional<SocketFile> file;
  std::vector<std::string> warnings;
};

Server::Server(asio::io_context& loop, ServerOptions options, Operations& operations)
    : impl_(std::make_unique<Impl>(loop, std::move(options), operations)) {}

Server::~Server() {
  cut_sessions(impl_->hub);
  impl_->hub.disk.stop();
  impl_->hub.disk.join();
}

tl::expected<void, std::string> Server::start() {
  const ServerOptions& options = impl_->hub.options;
  if (auto prepared = Spool::prepare(options.spool_directory); !prepared) return prepared;
  impl_->group = find_group(options.group);
  if (!options.group.empty() && !impl_->group) {
    impl_->warnings.push_back("there is no group \"" + options.group +
                              "\": only root can use the control socket; add the group");
  }
  auto file = SocketFile::listen(options.socket, impl_->group);
  if (!file) return tl::unexpected(file.error());
  ErrorCode error;
  impl_->acceptor.assign(Local(), file->take(), error);
  if (error) return tl::unexpected("control socket " + options.socket + ": " + error.message());
  impl_->file.emplace(std::move(*file));
  impl_->accept_next();
  return {};
}

const std::vector<std::string>& Server::warnings() const {
  return impl_->warnings;
}

}  // namespace mayfly::control
