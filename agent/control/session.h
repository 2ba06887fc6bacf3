// One connection, and what all connections of one socket share. Inside the control folder only.
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
  const ServerOptions& options;
  Operations& operations;
  boost::asio::thread_pool& disk;  ///< uploads are written here: the loop never waits for a disk
  Door door;
  std::set<Session*> sessions{};  ///< those that live
  std::size_t streams = 0;        ///< those that follow something
};

/// Serves the connection until it ends. REQUIRES: `hub` outlives it, or cut_sessions was called.
void begin_session(boost::asio::local::stream_protocol::socket socket, const Caller& caller,
                   Hub& hub);

/// Ends all; none touches `hub` again.
void cut_sessions(Hub& hub);

}  // namespace mayfly::control
