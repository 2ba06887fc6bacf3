#include "runtime/containerd/grpc/frames.h"

#include <algorithm>
#include <charconv>

namespace mayfly::containerd::grpc {
namespace {

constexpr std::size_t kPrefixBytes = 5;

std::optional<std::uint32_t> number(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<unsigned char> hex_byte(std::string_view two) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(two.data(), two.data() + two.size(), value, 16);
  if (two.size() != 2 || error != std::errc{} || end != two.data() + 2) return std::nullopt;
  return static_cast<unsigned char>(value);
}

bool is_control(unsigned char byte) {
  return byte < 0x20 || byte == 0x7f;
}

/// As the gRPC specification maps what a proxy or a broken server answers.
Code code_of_http(std::uint32_t status) {
  switch (status) {
    case 400:
      return Code::kInternal;
    case 401:
      return Code::kUnauthenticated;
    case 403:
      return Code::kPermissionDenied;
    case 404:
      return Code::kUnimplemented;
    case 429:
    case 502:
    case 503:
    case 504:
      return Code::kUnavailable;
    default:
      return Code::kUnknown;
  }
}

}  // namespace

std::string frame(std::string_view message) {
  std::string framed;
  framed.reserve(kPrefixBytes + message.size());
  framed.push_back('\0');
  for (const int shift : {24, 16, 8, 0}) {
    framed.push_back(static_cast<char>((message.size() >> shift) & 0xff));
  }
  framed.append(message);
  return framed;
}

std::string percent_decode(std::string_view text) {
  std::string line;
  for (std::size_t at = 0; at < text.size() && line.size() < kStatusMessageMax; ++at) {
    auto byte = static_cast<unsigned char>(text[at]);
    if (const auto escaped = byte == '%' ? hex_byte(text.substr(at + 1, 2)) : std::nullopt) {
      byte = *escaped;
      at += 2;
    }
    line.push_back(is_control(byte) ? ' ' : static_cast<char>(byte));
  }
  return line;
}

tl::expected<void, std::string> Deframer::begin_message() {
  if (prefix_[0] != 0)
    return tl::unexpected(std::string("a compressed message; none was asked for"));
  std::size_t length = 0;
  for (std::size_t at = 1; at < kPrefixBytes; ++at) {
    length = length << 8 | static_cast<unsigned char>(prefix_[at]);
  }
  if (length > message_bytes_max_) {
    return tl::unexpected("a message of " + std::to_string(length) + " bytes; at most " +
                          std::to_string(message_bytes_max_) + " are taken");
  }
  prefix_.clear();
  length_ = length;
  return {};
}

tl::expected<std::vector<std::string>, std::string> Deframer::feed(std::string_view bytes) {
  std::vector<std::string> messages;
  for (;;) {
    if (!length_) {
      if (bytes.empty()) break;
      const auto taken = std::min(kPrefixBytes - prefix_.size(), bytes.size());
      prefix_.append(bytes.substr(0, taken));
      bytes.remove_prefix(taken);
      if (prefix_.size() < kPrefixBytes) break;
      if (const auto begun = begin_message(); !begun) return tl::unexpected(begun.error());
    }
    const auto taken = std::min(*length_ - message_.size(), bytes.size());
    message_.append(bytes.substr(0, taken));
    bytes.remove_prefix(taken);
    if (message_.size() < *length_) break;
    messages.push_back(std::move(message_));
    message_.clear();
    length_.reset();
  }
  return messages;
}

void ReplyFields::add(std::string_view name, std::string_view value) {
  if (name == ":status") http_status_ = number(value);
  if (name == "content-type") grpc_ = value.starts_with("application/grpc");
  if (name == "grpc-status") grpc_status_ = number(value);
  if (name == "grpc-message") message_ = percent_decode(value);
}

std::optional<Status> ReplyFields::status() const {
  if (http_status_ && *http_status_ != 200 && !grpc_status_) {
    return Status{code_of_http(*http_status_), "HTTP status " + std::to_string(*http_status_)};
  }
  if (!http_status_ || !grpc_ || !grpc_status_) return std::nullopt;
  if (*grpc_status_ > static_cast<std::uint32_t>(Code::kUnauthenticated)) {
    return Status{Code::kUnknown, message_};
  }
  return Status{static_cast<Code>(*grpc_status_), message_};
}

}  // namespace mayfly::containerd::grpc
