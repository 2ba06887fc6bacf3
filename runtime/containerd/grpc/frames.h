// What gRPC puts inside HTTP/2: length-prefixed messages, and a status in the trailers. Pure
// functions over bytes that a peer may have made up; knows no socket and no HTTP/2 library.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

namespace mayfly::containerd::grpc {

/// The codes of the gRPC status, by their numbers on the wire.
enum class Code : std::uint8_t {
  kOk = 0,
  kCancelled = 1,
  kUnknown = 2,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
  kUnauthenticated = 16,
};

struct Status {
  Code code = Code::kOk;
  std::string message;  ///< one line, decoded, bounded
};

/// One message with its five-byte prefix, uncompressed.
[[nodiscard]] std::string frame(std::string_view message);

/// Undoes the percent-encoding of grpc-message; what is no escape is kept as it stands. The result
/// is one printable line of at most kStatusMessageMax bytes.
[[nodiscard]] std::string percent_decode(std::string_view text);

inline constexpr std::size_t kStatusMessageMax = 2048;

/// Cuts a byte stream into messages. Holds at most one incomplete message, and no more of it than
/// has arrived: a length is believed only as far as bytes back it.
class Deframer {
 public:
  explicit Deframer(std::size_t message_bytes_max) : message_bytes_max_(message_bytes_max) {}

  /// The messages that these bytes complete. Error: one line; the stream is then of no further use.
  [[nodiscard]] tl::expected<std::vector<std::string>, std::string> feed(std::string_view bytes);

  /// False in the middle of a message.
  [[nodiscard]] bool at_boundary() const { return prefix_.empty() && !length_; }

 private:
  tl::expected<void, std::string> begin_message();

  std::size_t message_bytes_max_;
  std::string prefix_;  ///< the bytes of an incomplete prefix
  std::optional<std::size_t> length_;
  std::string message_;
};

/// The header and trailer fields of one reply, reduced to what decides its status.
class ReplyFields {
 public:
  void add(std::string_view name, std::string_view value);

  /// At the end of the stream. None: the reply ended without saying how it went.
  [[nodiscard]] std::optional<Status> status() const;

 private:
  std::optional<std::uint32_t> http_status_;
  std::optional<std::uint32_t> grpc_status_;
  bool grpc_ = false;
  std::string message_;
};

}  // namespace mayfly::containerd::grpc
