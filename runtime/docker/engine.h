// One Engine API server: its version agreed on, its link watched, calls kept while it is not there.
// Knows how a call finds the server; refuses to know what is called. Used on one loop's thread;
// destruction ends all calls and calls nothing back.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>

#include "runtime/docker/facts.h"
#include "runtime/http/client.h"

namespace mayfly::docker {

/// One call. `path` begins after the version; all is percent-encoded.
struct Call {
  const char* method = "GET";
  std::string path;
  std::string podman_path;  ///< where the server is Podman, in its place; ""
  std::string body;         ///< JSON
  std::string body_file;    ///< a tar, whose beginning `body` then is
  http::Headers headers;
  std::optional<std::chrono::milliseconds> deadline;  ///< none: the engine's usual one
  http::WhenLate when_late = http::WhenLate::kCancel;
};

class Engine {
 public:
  using Clock = std::chrono::steady_clock;
  using Done = std::function<void(http::Reply)>;

  struct Options {
    std::string socket;
    std::chrono::milliseconds call_deadline{10'000};
    std::size_t calls_waiting_max = 4096;
    std::chrono::milliseconds backoff_min{100};
    std::chrono::milliseconds backoff_max{5'000};
    std::chrono::milliseconds answer_max{5'000};  ///< silence after which a busy link is doubted
  };

  enum class Link : std::uint8_t { kUp, kDown };
  using OnLink = std::function<void(Link, std::string why)>;  ///< on a change only

  Engine(boost::asio::io_context& loop, Options options, OnLink on_link);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  void start();

  /// A call that waits for the server keeps waiting until its deadline and is then kNotSent.
  /// `done` comes later, never from within.
  void call(Call call, Done done);

  /// The body of a 2xx answer as it comes. No deadline but the call's own. REQUIRES: facts().
  http::Client::CallId stream(Call call, http::Sink sink, Done done);
  void cancel(http::Client::CallId id) { client_.cancel(id); }

  /// Null until the server has been met; then as of the last time.
  [[nodiscard]] const Facts* facts() const { return facts_ ? &*facts_ : nullptr; }
  [[nodiscard]] const char* name() const { return facts_ ? facts_->name() : "docker"; }

  /// Where the server is lost and waited for: it is met now.
  void meet_now();

  /// Something was broken off: is the server there, and is it the same?
  void doubt(const std::string& why);

 private:
  /// What is being found out about the server: at most one thing at a time.
  enum class Stage : std::uint8_t { kIdle, kWaiting, kMeeting, kInfo, kPing };

  struct Pending {
    Call call;
    Done done;
    Clock::time_point until;
    bool sent = false;
    boost::asio::steady_timer timer;  ///< while it is not sent
  };

  [[nodiscard]] bool takes_calls() const { return link_ == Link::kUp && !is_meeting(); }
  [[nodiscard]] bool is_meeting() const {
    return stage_ == Stage::kMeeting || stage_ == Stage::kInfo;
  }
  [[nodiscard]] http::Request request(const Call& call) const;
  void send(std::uint64_t id);
  void wait_for_link(std::uint64_t id);
  void answered(std::uint64_t id, http::Reply reply);
  void finish(std::uint64_t id, http::Reply reply);
  void send_waiting();

  void meet();
  void ask_info(Facts facts);
  void met(Facts facts);
  void lost(const std::string& why);
  void ping();
  void watch_silence();
  void ask(const std::string& url, std::chrono::milliseconds deadline, Done done);
  void set_link(Link link, const std::string& why);

  boost::asio::io_context& loop_;
  Options options_;
  OnLink on_link_;
  std::optional<Facts> facts_;
  std::optional<Link> link_;
  std::string link_fault_ = "not tried yet";
  Stage stage_ = Stage::kIdle;
  std::map<std::uint64_t, Pending> pending_;
  std::uint64_t last_id_ = 0;
  std::size_t sent_ = 0;
  Clock::time_point heard_{};
  Clock::time_point busy_since_{};
  boost::asio::steady_timer retry_;
  boost::asio::steady_timer silence_;
  std::chrono::milliseconds backoff_;
  std::minstd_rand jitter_;
  std::shared_ptr<char> alive_;
  http::Client client_;  ///< last: it goes first, and its calls with it
};

}  // namespace mayfly::docker
