// Calls to an etcd cluster by its JSON gateway, on the loop: one endpoint at a time, the next one
// where it does not answer; logged in where a user is configured. Knows nothing of what the keys
// mean, asks no write twice, and leaves waiting and trying again later to its owner. Destruction
// ends all calls and calls nothing back.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/coordinator/etcd/codec.h"
#include "agent/coordinator/etcd/watch.h"
#include "runtime/http/client.h"

namespace mayfly::etcd {

class Client {
 public:
  struct Options {
    std::vector<std::string> endpoints;  ///< "https://host:2379"; at least one
    std::string ca_file;                 ///< PEM; "": the host's own
    std::string cert_file;               ///< PEM, both or none
    std::string key_file;
    std::string user;  ///< "": etcd asks for none
    std::string password_file;
    std::chrono::milliseconds deadline{4000};  ///< of one try at one endpoint
  };

  Client(boost::asio::io_context& loop, Options options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Answers come later, never from within. A read is tried at every endpoint before it fails, a
  // write only until one may have taken it.
  void range(const Range& range, Done<RangeAnswer> done);
  void put(const Put& put, Done<Header> done);
  void remove(const Delete& what, Done<DeleteAnswer> done);
  void txn(const Txn& txn, Done<TxnAnswer> done);
  void grant(std::int64_t ttl_s, Done<Lease> done);
  void keep_alive(std::int64_t lease, Done<Lease> done);  ///< a ttl of 0: the lease is gone
  void revoke(std::int64_t lease, Done<Header> done);
  void time_to_live(std::int64_t lease, Done<Lease> done);  ///< a ttl of -1: the lease is gone

  /// All of a range in pages, as of one revision: the header's. Error: kRefused for more than
  /// kListKeysMax.
  void list(const Range& range, Done<RangeAnswer> done);
  static constexpr std::size_t kListKeysMax = 10'000;

  /// From `created` on, whatever changes; then one end. A watch that is cancelled by etcd has
  /// ended.
  WatchId watch(const WatchRequest& request, WatchHandler handler);
  void cancel(WatchId id);  ///< an unknown one is nothing

  /// The one that is asked now.
  [[nodiscard]] const std::string& endpoint() const { return options_.endpoints[current_]; }

 private:
  struct Call {
    std::string path;
    std::string body;
    Effect effect = Effect::kNothing;
    std::function<void(Result<std::string>)> done;
    std::size_t tries = 0;
    bool logged_in_anew = false;
    std::string token = {};  ///< it was sent with
  };
  struct Paging {
    Range next;
    RangeAnswer gathered;
    Done<RangeAnswer> done;
  };

  void call(Call call);
  void send(Call call);
  void answered(Call call, std::size_t endpoint, const http::Reply& reply);
  void failed(Call call, const Error& error);
  void left_unanswered(const Call& call);
  /// Those who come after it log in again.
  void distrust_token_of(const Call& call);
  [[nodiscard]] http::Request request_to(const std::string& path, const std::string& body) const;
  void next_endpoint(std::size_t after);
  /// Now, or once there is a token.
  void with_token(std::function<void(Result<void>)> then);
  void log_in();
  void logged_in(Result<void> outcome);
  void next_page(std::shared_ptr<Paging> paging);
  void start_watch(WatchId id, const WatchRequest& request);
  void end_watch(WatchId id, Error why);

  boost::asio::io_context& loop_;
  Options options_;
  std::size_t current_ = 0;
  std::string token_;
  std::chrono::steady_clock::time_point proven_at_;  ///< a call for which it counts was answered
  bool logging_in_ = false;
  std::vector<std::function<void(Result<void>)>> waiting_;  ///< for a token
  std::uint64_t last_watch_ = 0;
  std::map<WatchId, std::unique_ptr<Watch>> watches_;
  std::shared_ptr<char> alive_ = std::make_shared<char>();
  http::Client http_;  ///< the first to go: its calls lead back here
};

}  // namespace mayfly::etcd
