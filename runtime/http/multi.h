// libcurl's multi handle on an Asio loop: which of its sockets is ready, when it wants to be
// called, which of its transfers are through. Knows nothing of what they carry. Owned by a Client;
// destruction ends all transfers and reports nothing. REQUIRES: transfers are removed before they
// are destroyed, or outlive it.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <memory>
#include <unordered_map>
#include <vector>

#include "runtime/http/transfer.h"

using CURLM = void;

namespace mayfly::http {

class Multi {
 public:
  /// Called from the loop, never from within add or remove. May do anything, also destroy the
  /// multi.
  class Owner {
   public:
    virtual ~Owner() = default;
    /// Something of a transfer's answer has come.
    virtual void on_progress(Transfer& transfer) = 0;
    /// curl is through with it, and it has been removed. `code` is a CURLcode.
    virtual void on_end(Transfer& transfer, int code) = 0;
  };

  Multi(boost::asio::io_context& loop, Owner& owner, std::size_t connections_kept_max);
  ~Multi();
  Multi(const Multi&) = delete;
  Multi& operator=(const Multi&) = delete;

  /// False: curl does not take it.
  [[nodiscard]] bool add(Transfer& transfer);
  void remove(Transfer& transfer);

 private:
  /// A socket of curl's: ours to watch, not to close.
  struct Watch {
    explicit Watch(boost::asio::io_context& loop) : descriptor(loop) {}
    boost::asio::posix::stream_descriptor descriptor;
    int wanted = 0;  ///< CURL_POLL_…
    bool reading = false;
    bool writing = false;
  };

  int on_socket(int socket, int what);
  void on_timer(long in_ms);
  void arm(int socket, const std::shared_ptr<Watch>& watch);
  void wait_for_read(int socket, const std::shared_ptr<Watch>& watch);
  void wait_for_write(int socket, const std::shared_ptr<Watch>& watch);
  void act(int socket, int ready);
  void report();

  boost::asio::io_context& loop_;
  Owner& owner_;
  CURLM* multi_;
  std::unordered_map<int, std::shared_ptr<Watch>> watches_;
  std::unordered_map<const void*, Transfer*> transfers_;  ///< by curl handle
  boost::asio::steady_timer timer_;
  std::shared_ptr<char> alive_;  ///< Asio runs cancelled handlers after we are gone
};

}  // namespace mayfly::http
