// Long work on images, done on a thread of its own with a connection of its own, so that it may
// read files and wait for each answer in turn while the loop goes on.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "runtime/containerd/api.h"

namespace mayfly::containerd {

/// Calls that wait for their answer. Used by one thread; stop() may come from another.
class WaitingApi {
 public:
  struct Deadlines {
    std::chrono::milliseconds call;
    std::chrono::milliseconds work;  ///< of what containerd itself takes long for
  };

  WaitingApi(const grpc::Channel::Options& options, const std::string& name_space,
             Deadlines deadlines)
      : options_(options),
        name_space_(name_space),
        deadlines_(deadlines),
        channel_(loop_, options, nullptr),
        api_(channel_, name_space, deadlines.call) {
    channel_.start();
  }

  /// One more like this, with its lease, for another thread. It is stopped on its own.
  [[nodiscard]] std::unique_ptr<WaitingApi> another() const {
    auto api = std::make_unique<WaitingApi>(options_, name_space_, deadlines_);
    api->use_lease(lease_);
    return api;
  }

  template <class RequestMessage, class Reply>
  tl::expected<Reply, grpc::Failure> call(const Method<RequestMessage, Reply>& method,
                                          const RequestMessage& message) {
    return call_within(deadlines_.call, method, message);
  }

  /// A call that may work long.
  template <class RequestMessage, class Reply>
  tl::expected<Reply, grpc::Failure> work(const Method<RequestMessage, Reply>& method,
                                          const RequestMessage& message) {
    return call_within(deadlines_.work, method, message);
  }

  /// `each` returns false to have no more of it.
  template <class RequestMessage, class Reply>
  grpc::Channel::Outcome stream(const Method<RequestMessage, Reply>& method,
                                const RequestMessage& message, std::function<bool(Reply)> each) {
    std::optional<grpc::Channel::Outcome> end;
    bool enough = false;
    Api::Receiver<Reply> receiver;
    receiver.each = [&](Reply reply) { enough = enough || !each(std::move(reply)); };
    receiver.end = [&](grpc::Channel::Outcome outcome) { end = std::move(outcome); };
    receiver.deadline = api_.deadline();
    const auto id = api_.stream(method, message, std::move(receiver));
    wait([&] { return end.has_value() || enough; });
    if (end) return std::move(*end);
    api_.cancel(id);
    if (enough) return {};
    return tl::unexpected(stopped_failure());
  }

  /// The calls themselves, for what waits in its own way.
  [[nodiscard]] Api& api() { return api_; }

  /// Until `over`, or the deadline of long work has passed, or stopped. False: not over.
  bool wait_for(const std::function<bool()>& over) {
    const auto until = std::chrono::steady_clock::now() + deadlines_.work;
    while (!stopped() && !over()) {
      if (loop_.run_one_until(until) > 0) continue;
      if (std::chrono::steady_clock::now() >= until) return false;
      loop_.restart();
    }
    return over();
  }

  void use_lease(std::string lease) {
    lease_ = std::move(lease);
    api_.use_lease(lease_);
  }
  [[nodiscard]] const std::string& lease() const { return lease_; }

  /// Every wait ends now, and every later one at once. Safe from any thread.
  void stop() {
    stop_.request_stop();
    loop_.stop();
  }
  [[nodiscard]] bool stopped() const { return stop_.stop_requested(); }
  /// For what waits for something else than containerd.
  [[nodiscard]] std::stop_token stop_token() const { return stop_.get_token(); }

 private:
  template <class RequestMessage, class Reply>
  tl::expected<Reply, grpc::Failure> call_within(std::chrono::milliseconds deadline,
                                                 const Method<RequestMessage, Reply>& method,
                                                 const RequestMessage& message) {
    std::optional<tl::expected<Reply, grpc::Failure>> answer;
    const auto id = api_.call(method, message, deadline,
                              Api::Done<Reply>([&](auto reply) { answer = std::move(reply); }));
    wait([&] { return answer.has_value(); });
    if (answer) return std::move(*answer);
    api_.cancel(id);
    return tl::unexpected(stopped_failure());
  }

  /// For what has a deadline of its own.
  template <class Over>
  void wait(Over over) {
    while (!stopped() && !over()) {
      if (loop_.run_one() == 0) loop_.restart();
    }
  }

  static grpc::Failure stopped_failure() {
    return {grpc::Failure::Kind::kNoAnswer, grpc::Code::kCancelled, "the daemon is stopping"};
  }

  grpc::Channel::Options options_;
  std::string name_space_;
  Deadlines deadlines_;
  std::string lease_;
  std::stop_source stop_;
  boost::asio::io_context loop_;
  grpc::Channel channel_;
  Api api_;
};

/// Runs errands, a bounded number at a time; the rest wait their turn. Owned by the driver;
/// destruction stops what runs, waits for its thread and calls nothing back.
class Errands {
 public:
  /// Done on the errand's thread. What it returns is run on the loop.
  using Tell = std::function<void()>;
  using Work = std::function<Tell(WaitingApi&)>;

  struct Options {
    grpc::Channel::Options channel;
    std::string name_space;
    WaitingApi::Deadlines deadlines;
    std::size_t threads_max;
    std::size_t waiting_max;
  };

  Errands(boost::asio::io_context& loop, Options options);
  ~Errands();

  /// False: too many are waiting.
  [[nodiscard]] bool run(Work work);

 private:
  struct Runner {
    explicit Runner(const Options& options)
        : api(options.channel, options.name_space, options.deadlines) {}
    WaitingApi api;
    std::thread thread;
  };
  void start(Work work);
  void ended(const Runner* runner, const Tell& tell);

  boost::asio::io_context& loop_;
  Options options_;
  std::vector<std::unique_ptr<Runner>> runners_;
  std::vector<Work> waiting_;
  std::shared_ptr<char> alive_;  ///< a finished errand's message may come after we are gone
};

}  // namespace mayfly::containerd
