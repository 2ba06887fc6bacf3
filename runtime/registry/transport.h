// One HTTP request at a time, waited for, with every bound that a server may not choose: time
// without a byte, size of head and body. Follows no redirects and knows no registries. For one
// thread; ends at once when its stop is asked for.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

namespace mayfly::registry {

struct HttpRequest {
  enum class Method : std::uint8_t { kGet, kHead, kPost };
  Method method = Method::kGet;
  std::string url;
  std::vector<std::string> headers;  ///< "Name: value"
  std::string form;                  ///< of a kPost: its body, urlencoded
  std::string ca_file;               ///< trusted beside the host's own; "" = none
  std::size_t body_bytes_max = 0;    ///< of a body that is kept
  /// What to do with the pieces of a 200's or 206's body; none: they are kept. False: no more.
  std::function<bool(std::string_view)> take;
  /// Asked before a 200's or 206's first piece. False: no more.
  std::function<bool(const struct HttpReply&)> begin;
};

struct HttpReply {
  long status = 0;
  std::map<std::string, std::vector<std::string>> headers;  ///< by lower-case name
  std::string body;
  std::string redirect;  ///< the whole URL that a redirect leads to; "" = none

  [[nodiscard]] std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? std::string() : found->second.front();
  }
};

struct HttpFailure {
  enum class Kind : std::uint8_t {
    kUnreachable,  ///< no name, no connection
    kUnanswered,   ///< the same, after all the time there is for it
    kUntrusted,    ///< its certificate
    kNoTls,        ///< it does not speak TLS as we do
    kCut,          ///< the connection ended too soon
    kStalled,      ///< nothing came for too long
    kTooLarge,
    kGivenUp,  ///< by `begin` or `take`
    kStopped,
    kBroken,  ///< what came is no HTTP
  };
  Kind kind = Kind::kBroken;
  std::string what;  ///< curl's words, one line
};

class Transport {
 public:
  struct Bounds {
    std::chrono::milliseconds connect;
    std::chrono::milliseconds stall;  ///< without a byte
  };

  Transport(Bounds bounds, std::stop_token stop);
  ~Transport();
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  [[nodiscard]] tl::expected<HttpReply, HttpFailure> perform(const HttpRequest& request);

 private:
  struct Curl;
  std::unique_ptr<Curl> curl_;
  Bounds bounds_;
  std::stop_token stop_;
};

}  // namespace mayfly::registry
