// HTTP to the daemon over its unix socket. Knows sockets, deadlines and sizes; refuses to know
// verbs.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "agent/cli/outcome.h"

namespace mayfly::cli {

using Json = nlohmann::ordered_json;

struct Request {
  std::string method = "GET";
  std::string target;
  std::string body;
  std::chrono::milliseconds timeout{70'000};  ///< above the daemon's own, which says more
};

class Client {
 public:
  explicit Client(std::string socket);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// The answer's JSON; an answer that is an error, or none, as a failure with its exit code.
  [[nodiscard]] Result<Json> call(const Request& request);

  /// Hands over bytes as they come, for as long as `take` returns true.
  [[nodiscard]] Outcome stream(const std::string& target,
                               const std::function<bool(std::string_view)>& take);

  /// The same of a request that has no end of its own: its timeout does not count.
  [[nodiscard]] Outcome stream(const Request& request,
                               const std::function<bool(std::string_view)>& take);

  /// Sends a file as the body.
  [[nodiscard]] Result<Json> upload(const std::string& target, const std::string& file);

  [[nodiscard]] const std::string& socket() const { return socket_; }

 private:
  struct Transfer;
  void prepare(Transfer& transfer);
  [[nodiscard]] Outcome perform(Transfer& transfer);
  [[nodiscard]] Failure unreachable() const;

  std::string socket_;
  void* curl_ = nullptr;
};

}  // namespace mayfly::cli
