// One connection, and what all connections share. Inside the control folder only.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/thread_pool.hpp>
#include <set>

#include "agent/control/caller.h"
#include "agent/control/server.h"

namespace mayfly::control {

class Session;

struct Hub {
  boost::asio::io_context& loop;
  ServerOptions options;
  Operations& operations;
  std::set<Session*> sessions{};     ///< those that live
  std::size_t streams = 0;           ///< those that follow something
  boost::asio::thread_pool disk{1};  ///< uploads are written here: the loop never waits for a disk
};

/// Serves the connection until it ends. REQUIRES: `hub` outlives it, or cut_sessions was called.
void begin_session(boost::asio::local::stream_protocol::socket socket, const Caller& caller,
                   Access access, Hub& hub);

/// Ends all; none touches `hub` again.
void cut_sessions(Hub& hub);

}  // namespace mayfly::control
