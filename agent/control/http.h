// What passes between the transport and the routes. Plain values; nothing here knows a socket.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

namespace mayfly::control {

/// What a route asks of its caller, and what a caller may do.
enum class Access : std::uint8_t { kNone, kRead, kWrite };

using Query = std::map<std::string, std::string>;

/// A request target, decoded.
struct Target {
  std::vector<std::string> segments;
  Query query;
};

struct Request {
  std::string content_type;  ///< as sent; "" = none
  std::string body;
  std::string spool_file;  ///< of a route that spools its body
  std::int64_t unix_ms = 0;
};

/// One pull from an endless answer. Nothing new: empty bytes. `ended`: these are the last bytes.
struct FeedStep {
  std::string bytes;
  bool ended = false;
};

/// Pulled when the reader has taken what came before, so a slow reader holds no memory; a feed
/// whose source has run ahead of its reader ends with a line that says so.
using Feed = std::function<FeedStep()>;

struct Response {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::string allow;  ///< of a 405
  Feed feed;          ///< set: streamed after `body` for as long as the feed goes on
};

using Respond = std::function<void(Response)>;

/// {"error": {"code": …, "message": …}}
[[nodiscard]] Response error_response(unsigned status, std::string_view code,
                                      std::string_view message);

/// To a caller who may do no more than this.
[[nodiscard]] Response forbidden(Access access);
[[nodiscard]] Response too_large(std::uint64_t bytes_max);

/// Errors: not a path, a broken percent escape, a control character, a key given twice.
[[nodiscard]] tl::expected<Target, std::string> parse_target(std::string_view target);

}  // namespace mayfly::control
