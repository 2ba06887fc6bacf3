// Calls to one gRPC server over one connection at a time, which it makes again for as long as it
// lives. Knows deadlines, the queue of calls and the state of the link; refuses to know messages
// and services. Used on one loop's thread; destruction ends all calls and calls nothing back.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <tl/expected.hpp>
#include <unordered_map>

#include "runtime/containerd/grpc/connection.h"

namespace mayfly::containerd::grpc {

class Channel final : Connection::Owner {
 public:
  enum class CallId : std::uint64_t {};

  struct Options {
    std::string socket;
    std::size_t calls_queued_max = 4096;
    std::size_t message_bytes_max = 16 << 20;  ///< what containerd itself sends at most
    std::chrono::milliseconds backoff_min{100};
    std::chrono::milliseconds backoff_max{5'000};
    std::chrono::milliseconds answer_max{5'000};    ///< silence after which a busy link is doubted
    std::chrono::milliseconds ping_answer_wait{0};  ///< how long the server's pings may wait
  };

  /// Down is also a server that is there and says nothing. It keeps its connection: on a unix
  /// socket a new one would be no better, and the end of the old one would cancel what it is doing.
  enum class Link : std::uint8_t { kUp, kDown };
  using OnLink = std::function<void(Link, std::string why)>;  ///< on a change only

  using Outcome = tl::expected<void, Failure>;
  using Reply = tl::expected<std::string, Failure>;

  /// A stream's receiver. `end` is called once, last.
  struct Sink {
    std::function<void(std::string)> message;
    std::function<void(Outcome)> end;
  };

  Channel(boost::asio::io_context& loop, Options options, OnLink on_link);
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  void start();

  /// Where the link is down and a new connection is waited for: now.
  void connect_now();

  /// One reply. A call that waits for a connection or a stream keeps waiting until its deadline and
  /// is then kNotSent; one that was sent is then kNoAnswer. `done` comes later, never from within.
  /// More than calls_queued_max waiting calls: kNotSent.
  CallId call(Request request, std::chrono::milliseconds deadline, std::function<void(Reply)> done);

  /// Many replies. No deadline: the stream lives until it ends, is cancelled or the link breaks.
  CallId stream(Request request, std::optional<std::chrono::milliseconds> deadline, Sink sink);

  /// Further messages of a stream whose request is kMore. Once sent, such a stream is not sent
  /// again by itself. An unknown id is nothing.
  void send_more(CallId id, std::string_view body, Sending sending);

  /// Forgets a call; RST_STREAM tells the server. An unknown id is nothing.
  void cancel(CallId id);

 private:
  struct Call {
    Request request;                  ///< kept until the server cannot refuse it any more
    Sink sink;                        ///< of a stream
    std::function<void(Reply)> done;  ///< of a single call
    std::optional<std::string> reply;
    std::optional<boost::asio::steady_timer> timer;  ///< none: no deadline
    std::optional<Connection::StreamId> stream;      ///< none: it waits in the queue
  };
  using Calls = std::unordered_map<std::uint64_t, Call>;

  void on_ready() override;
  void on_heard() override;
  void on_message(Connection::StreamId stream, std::string message) override;
  void on_end(Connection::StreamId stream, Outcome how) override;
  void on_closed(std::string why) override;

  void connect();
  void drain_queue();
  std::uint64_t enqueue(Call call, std::optional<std::chrono::milliseconds> deadline);
  void send(std::uint64_t id, Call& call);
  void arm_deadline(std::uint64_t id, std::chrono::milliseconds deadline);
  void expire(std::uint64_t id);
  void arm_pulse(Connection::Clock::duration in);
  void pulse();
  void doubt_silence();
  void leave(const Call& call, WhenLate stream);
  void finish(std::uint64_t id, Outcome how);
  void tell(Call call, Outcome how);
  void set_link(Link link, const std::string& why);

  boost::asio::io_context& loop_;
  Options options_;
  OnLink on_link_;
  std::unique_ptr<Connection> connection_;
  bool ready_ = false;
  std::optional<Link> link_;
  std::string link_fault_ = "not tried yet";
  Calls calls_;
  std::deque<std::uint64_t> queue_;  ///< may name calls that have ended
  std::size_t queued_ = 0;           ///< calls without a stream
  std::unordered_map<Connection::StreamId, std::uint64_t> by_stream_;
  std::uint64_t last_id_ = 0;
  std::size_t busy_ = 0;  ///< sent calls that have a deadline
  Connection::Clock::time_point busy_since_{};
  boost::asio::steady_timer pulse_;  ///< reconnect, handshake or silence: one of them at a time
  bool pinged_ = false;              ///< and nothing heard since
  bool unanswered_ = false;          ///< a call was given up, and nothing heard since
  Connection::Clock::time_point ping_allowed_{};
  std::chrono::milliseconds backoff_;
  std::minstd_rand jitter_;
  std::shared_ptr<char> alive_;  ///< Asio runs handlers of cancelled timers after we are gone
};

}  // namespace mayfly::containerd::grpc
