// HTTP/1.1 calls to one server, by libcurl on the loop: over a unix socket, or TCP with or without
// TLS. Knows connections, deadlines and the queue of calls; refuses to know what is asked, and
// never asks twice by itself, follows no redirect and uses no proxy. Used on one loop's thread;
// destruction ends all calls and calls nothing back.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "runtime/http/multi.h"
#include "runtime/http/request.h"
#include "runtime/http/transfer.h"
#include "runtime/http/uploads.h"

namespace mayfly::http {

class Client final : Multi::Owner {
 public:
  enum class CallId : std::uint64_t {};
  using Done = std::function<void(Reply)>;

  struct Options {
    Server server;
    std::size_t calls_inflight_max = 32;   ///< each has a connection
    std::size_t calls_queued_max = 4096;   ///< waiting for one of these; more fail at once
    std::size_t uploads_inflight_max = 2;  ///< calls with a body_file, a thread each
  };

  Client(boost::asio::io_context& loop, Options options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// A call that waits in the queue keeps waiting until its deadline and is then kNotSent; one that
  /// was sent is then kNoAnswer. `done` comes later, never from within, and at most once.
  CallId call(Request request, Done done);

  /// As call(), with the body of a 2xx answer going to `sink` as it comes. Takes none of the places
  /// of calls_inflight_max: meant for the few that last. REQUIRES: no body_file.
  CallId stream(Request request, Sink sink, Done done);

  /// Forgets a call and closes its connection. An unknown id is nothing.
  void cancel(CallId id);

 private:
  /// What a call holds.
  enum class Place : std::uint8_t {
    kQueue,
    kConnection,  ///< one of calls_inflight_max
    kStream,
    kThread,
    kNone,  ///< it is told soon, or its connection is in late_
  };

  struct Call {
    Request request;                     ///< until it leaves the queue
    std::unique_ptr<Transfer> transfer;  ///< of kConnection and kStream
    Sink sink;
    Done done;
    Place place = Place::kQueue;
    std::optional<boost::asio::steady_timer> timer;  ///< none: no deadline
  };

  void on_progress(Transfer& transfer) override;
  void on_end(Transfer& transfer, int code) override;

  void send(std::uint64_t id, Request request, Place place);
  void fail_soon(std::uint64_t id, std::string why);
  void drain_queue();
  void arm_deadline(std::uint64_t id, std::chrono::milliseconds deadline);
  void expire(std::uint64_t id);
  void let_finish(std::unique_ptr<Transfer> transfer);
  void leave(std::uint64_t id, Call& call);
  void finish(std::uint64_t id, Reply reply);

  boost::asio::io_context& loop_;
  Options options_;
  Multi multi_;
  Uploads uploads_;
  std::unordered_map<std::uint64_t, Call> calls_;
  std::deque<std::uint64_t> queue_;  ///< may name calls that have ended
  std::size_t queued_ = 0;           ///< calls with kQueue
  std::size_t inflight_ = 0;         ///< calls with kConnection, and those in late_
  std::map<std::uint64_t, std::unique_ptr<Transfer>> late_;  ///< answered for; may finish
  std::uint64_t last_id_ = 0;
  std::shared_ptr<char> alive_;  ///< Asio runs handlers of cancelled timers after we are gone
};

}  // namespace mayfly::http
