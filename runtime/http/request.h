// One HTTP call in words: what is asked, how it is answered, how it fails. Plain values.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

namespace mayfly::http {

using Headers = std::vector<std::pair<std::string, std::string>>;

/// What becomes of a sent call whose deadline passes: a server that is cut off in the middle of a
/// change may leave half of it behind; one that may finish leaves a whole that can be found.
enum class WhenLate : std::uint8_t { kCancel, kLetFinish };

struct Request {
  std::string method = "GET";
  std::string
      url;  ///< "http://host/path?query", percent-encoded; names are resolved by curl's own threads
  Headers headers;
  std::string body;
  std::string body_file;  ///< absolute path; sent after `body`, never held in memory
  std::optional<std::chrono::milliseconds>
      deadline;  ///< from the call on; none = as long as it lasts
  WhenLate when_late = WhenLate::kCancel;
  std::size_t answer_bytes_max = 16 << 20;  ///< of a gathered body; a longer one is a failure
};

struct Answer {
  int status = 0;
  Headers headers;   ///< names in lower case
  std::string body;  ///< empty where it was streamed
};

struct Failure {
  enum class Kind : std::uint8_t {
    kNotSent,   ///< the server has seen nothing of it, and will not
    kNoAnswer,  ///< it was sent, in part at least, and what came of it is not known
  };
  Kind kind = Kind::kNoAnswer;
  std::string what;  ///< one line; holds neither headers nor bodies
};

/// Any answer at all, whatever its status, or a failure.
using Reply = tl::expected<Answer, Failure>;

/// The receiver of a body that is not gathered. Answers outside 2xx are gathered nevertheless.
struct Sink {
  std::function<void()> open;                   ///< a 2xx answer has begun; may be empty
  std::function<void(std::string_view)> piece;  ///< as it comes
};

/// For one part of a path or of a query.
[[nodiscard]] std::string percent_encoded(std::string_view text);

}  // namespace mayfly::http
