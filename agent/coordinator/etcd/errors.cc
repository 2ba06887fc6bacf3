// What etcd's errors mean for the one who asked.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/coordinator/etcd/codec.h"

namespace mayfly::etcd {
namespace {

using Json = nlohmann::json;

// Codes of gRPC.
constexpr int kInvalidArgument = 3;
constexpr int kNotFound = 5;
constexpr int kAlreadyExists = 6;
constexpr int kPermissionDenied = 7;
constexpr int kResourceExhausted = 8;
constexpr int kFailedPrecondition = 9;
constexpr int kOutOfRange = 11;
constexpr int kUnimplemented = 12;
constexpr int kUnauthenticated = 16;

constexpr std::size_t kWhatBytesMax = 512;

bool says(const Error& error, std::string_view words) {
  return error.what.find(words) != std::string::npos;
}

/// One line, whatever it was.
std::string one_line(std::string text) {
  text.resize(std::min(text.size(), kWhatBytesMax));
  for (char& c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) c = ' ';
  }
  return text;
}

ErrorKind kind_of(const Error& error, Effect effect) {
  switch (error.code) {
    case kInvalidArgument:
    case kAlreadyExists:
    case kPermissionDenied:
    case kFailedPrecondition:
    case kOutOfRange:
    case kUnimplemented:
    case kUnauthenticated:
      return ErrorKind::kRefused;
    case kNotFound:
      return ErrorKind::kNotFound;
    case kResourceExhausted:
      return is_full(error) ? ErrorKind::kRefused : ErrorKind::kFailed;
    default:  // codes come from outside
      break;
  }
  const bool was_not_done = effect == Effect::kNothing || says(error, "no leader");
  return was_not_done ? ErrorKind::kFailed : ErrorKind::kUnknown;
}

std::string text_of(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

int code_of(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_number_integer() ? found->get<int>() : kNoCode;
}

/// A call's error has its words beside it, a stream's within it.
void read_error(const Json& json, Error& error) {
  const auto inner = json.find("error");
  if (inner != json.end() && inner->is_object()) {
    error.code = code_of(*inner, "grpc_code");
    error.what = text_of(*inner, "message");
    return;
  }
  error.code = code_of(json, "code");
  error.what = text_of(json, "message");
  if (error.what.empty()) error.what = text_of(json, "error");
}

/// What is not etcd's own JSON: of a page for browsers nothing is said.
std::string words_of(int status, std::string_view body) {
  if (status == 0) return "an answer that cannot be read";
  const std::string words = "answers with HTTP status " + std::to_string(status);
  body = body.substr(0, body.find_last_not_of(" \r\n") + 1);
  const bool is_text = !body.empty() && body.front() != '<' && body.front() != '{';
  return is_text ? words + ": " + std::string(body) : words;
}

}  // namespace

bool is_compacted(const Error& error) {
  return error.code == kOutOfRange;
}

bool is_full(const Error& error) {
  return error.code == kResourceExhausted && says(error, "database space exceeded");
}

bool is_bad_token(const Error& error) {
  return error.code == kUnauthenticated || says(error, "invalid auth token") ||
         says(error, "revision of auth store is old");
}

std::string end_of_prefix(std::string prefix) {
  while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xff) prefix.pop_back();
  if (prefix.empty()) return std::string(1, '\0');  // etcd's own way of saying: to the end
  ++prefix.back();
  return prefix;
}

Error decode_error(int status, std::string_view body, Effect effect) {
  Error error;
  const Json json = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (json.is_object()) read_error(json, error);
  if (error.what.empty()) error.what = words_of(status, body);
  error.what = one_line(std::move(error.what));
  // In plain text etcd says so before it looks at what is asked: each member would.
  const bool is_refused_unread = status == 400 && !json.is_object();
  error.kind = is_refused_unread ? ErrorKind::kRefused : kind_of(error, effect);
  return error;
}

}  // namespace mayfly::etcd
