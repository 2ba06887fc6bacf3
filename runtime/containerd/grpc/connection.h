// One HTTP/2 connection on a unix socket, from connect to its end; it is not reused after that.
// Knows streams, windows and frames; refuses to know deadlines, retries and queues (channel.h).
// Owned by a Channel and used on one loop's thread. Destruction closes the socket and reports
// nothing.
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <unordered_map>
#include <utility>
#include <vector>

#include "runtime/containerd/grpc/frames.h"

struct nghttp2_session;

namespace mayfly::containerd::grpc {

/// Whether the sending side of a call stays open for more messages.
enum class Sending : std::uint8_t { kDone, kMore };

/// What becomes of a sent call whose deadline passes. A server that is cancelled in the middle of a
/// change may leave half of it behind; one that may finish leaves a whole that can be found.
enum class WhenLate : std::uint8_t { kCancel, kLetFinish };

/// One call as it goes out. `body` is one or more framed messages.
struct Request {
  std::string path;  ///< "/package.Service/Method"
  std::vector<std::pair<std::string, std::string>> metadata;
  std::string body;
  Sending sending = Sending::kDone;
  WhenLate when_late = WhenLate::kCancel;
};

/// Why a call did not succeed.
struct Failure {
  enum class Kind : std::uint8_t {
    kAnswered,  ///< the server says so
    kNoAnswer,  ///< it was sent, and what came of it is not known
    kNotSent,   ///< the server has done nothing for it, and will not
  };
  Kind kind = Kind::kAnswered;
  Code code = Code::kUnknown;
  std::string what;
};

class Connection {
 public:
  using StreamId = std::int32_t;
  using Clock = std::chrono::steady_clock;

  /// Never called from within open, submit or reset. May destroy the connection from any of these.
  class Owner {
   public:
    virtual void on_ready() = 0;  ///< the server has spoken HTTP/2
    virtual void on_heard() = 0;  ///< bytes came, of whatever kind
    virtual void on_message(StreamId stream, std::string message) = 0;
    virtual void on_end(StreamId stream, tl::expected<void, Failure> how) = 0;
    /// The last call; every stream has ended before it.
    virtual void on_closed(std::string why) = 0;

   protected:
    ~Owner() = default;
  };

  struct Options {
    std::size_t message_bytes_max = 0;
    /// How long an answer to a ping may wait for others. Go's servers measure their bandwidth by
    /// pings: one at each message that comes while none is unanswered. Answered at once, each call
    /// costs one more waking up, here and there.
    std::chrono::milliseconds ping_answer_wait{0};
  };

  Connection(boost::asio::io_context& loop, Owner& owner, Options options);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void open(const std::string& socket);

  /// REQUIRES: ready, and streams_free() > 0.
  StreamId submit(Request request);

  /// Further messages of a request that was kMore so far. An unknown stream is nothing.
  void send_more(StreamId stream, std::string_view body, Sending sending);

  /// Ends a stream with RST_STREAM; nothing more is heard of it.
  void reset(StreamId stream);

  void ping();

  /// Ends the connection as if the peer had closed it; the owner hears of it later.
  void abandon(std::string why);

  /// How many more streams the server takes now; 0 once it has said goodbye.
  [[nodiscard]] std::size_t streams_free() const;
  [[nodiscard]] std::size_t streams_open() const { return streams_.size(); }
  [[nodiscard]] Clock::time_point last_heard() const { return last_heard_; }

 private:
  struct Stream {
    std::string body;
    std::size_t sent = 0;
    Sending sending = Sending::kDone;
    ReplyFields fields;
    Deframer deframer;
    std::string broken;  ///< what is wrong with the reply, once something is
  };
  struct Callbacks;  ///< the C functions that nghttp2 calls
  using Happening = std::function<void(Owner&)>;
  using Ping = std::array<std::uint8_t, 8>;

  void begin();
  void read();
  void write();
  void deliver();
  void close(std::string why);
  void take_data(StreamId id, std::string_view bytes);
  void take_ping(const Ping& ping);
  void answer_ping();
  void end_stream(StreamId id, std::uint32_t error);

  boost::asio::io_context& loop_;
  boost::asio::local::stream_protocol::socket socket_;
  Owner& owner_;
  Options options_;
  nghttp2_session* session_ = nullptr;
  std::unordered_map<StreamId, Stream> streams_;
  std::vector<Happening> happenings_;  ///< what nghttp2 told, kept until it may be called again
  std::array<std::uint8_t, 64 * 1024> in_{};
  std::string out_;
  std::optional<Ping> ping_;  ///< not answered yet
  boost::asio::steady_timer ping_timer_;
  bool writing_ = false;
  bool ready_ = false;
  bool goodbye_ = false;
  bool closed_ = false;
  Clock::time_point last_heard_ = Clock::now();
  std::shared_ptr<char> alive_;  ///< Asio runs handlers of a closed socket after we are gone
};

}  // namespace mayfly::containerd::grpc
