#include "runtime/registry/trouble.h"

#include <charconv>
#include <nlohmann/json.hpp>

namespace mayfly::registry {
namespace {

using nlohmann::json;
using runtime::Fault;
using runtime::FaultKind;
using namespace std::chrono_literals;

constexpr std::size_t kShownMax = 240;
constexpr int kUnlikelyCost = 2;  // of what the next try will hardly mend, or pays for dearly

std::string text(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

/// In seconds. A date is as good as nothing: our backoff knows no worse.
std::optional<std::chrono::milliseconds> retry_after(const HttpReply& reply) {
  const auto header = reply.header("retry-after");
  unsigned seconds = 0;
  const auto end = header.data() + header.size();
  const auto read = std::from_chars(header.data(), end, seconds);
  if (header.empty() || read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return std::chrono::seconds(std::min(seconds, 86'400U));
}

Trouble failed(const Asked& asked, const std::string& why) {
  return {{FaultKind::kFailed, "registry " + asked.host + ", " + asked.what + ": " + why}, 1, {}};
}

Trouble final(Trouble trouble) {
  trouble.cost = 0;
  return trouble;
}

std::string login_advice(const Asked& asked) {
  if (!asked.user.empty()) return "; check the login that is configured for " + asked.host;
  return "; log in with `docker login " + asked.host + "` where docker_config points to, or set " +
         "username and password_file for it";
}

}  // namespace

std::string shown(std::string_view text) {
  std::string line;
  for (const char byte : text.substr(0, kShownMax)) {
    line.push_back(byte < ' ' || byte > '~' ? '?' : byte);
  }
  return text.size() > kShownMax ? line + "..." : line;
}

std::string registry_words(std::string_view body) {
  const auto document = json::parse(body, nullptr, false);
  if (!document.is_object()) return {};
  const auto errors = document.find("errors");
  if (errors == document.end() || !errors->is_array() || errors->empty()) {
    for (const auto* key : {"details", "error_description", "message", "error"}) {
      if (const auto words = text(document, key); !words.empty()) return shown(words);
    }
    return {};
  }
  const auto& first = errors->front();
  if (!first.is_object()) return {};
  const auto code = text(first, "code");
  const auto message = text(first, "message");
  return shown(code.empty() || message.empty() ? code + message : code + ": " + message);
}

Trouble refused(std::string why) {
  return {{FaultKind::kRefused, std::move(why)}, 0, {}};
}

Trouble corrupted(std::string why) {
  return {{FaultKind::kRefused, std::move(why)}, kUnlikelyCost, {}};
}

Trouble trouble_of(const HttpFailure& failure, const Asked& asked) {
  const auto words = shown(failure.what);
  switch (failure.kind) {
    case HttpFailure::Kind::kUnreachable:
      return failed(asked, "it cannot be reached: " + words);
    case HttpFailure::Kind::kUnanswered: {
      auto trouble = failed(asked, "it cannot be reached: " + words);
      trouble.cost = kUnlikelyCost;
      return trouble;
    }
    case HttpFailure::Kind::kUntrusted:
      return refused("registry " + asked.host + ": its certificate is not trusted (" + words +
                     "); an authority of your own is named in ca_file");
    case HttpFailure::Kind::kNoTls: {
      auto trouble = failed(asked, "no TLS with it (" + words +
                                       "); one that speaks plain HTTP needs plain_http = true");
      trouble.cost = kUnlikelyCost;
      return trouble;
    }
    case HttpFailure::Kind::kCut:
      return failed(asked, "the connection was cut: " + words);
    case HttpFailure::Kind::kStalled:
      return failed(asked, "it stalls: " + words);
    case HttpFailure::Kind::kTooLarge:
      return refused("registry " + asked.host + ", " + asked.what + ": " + words);
    case HttpFailure::Kind::kGivenUp:
    case HttpFailure::Kind::kBroken:
      return failed(asked, words);
    case HttpFailure::Kind::kStopped:
      return final(failed(asked, words));
  }
  return failed(asked, words);
}

Trouble trouble_of(const HttpReply& reply, const Asked& asked) {
  auto words = registry_words(reply.body);
  words = words.empty() ? "HTTP " + std::to_string(reply.status) : "\"" + words + "\"";
  const auto where = "registry " + asked.host;
  switch (reply.status) {
    case 401:
    case 403:
      return refused(where + " refuses " + asked.what +
                     (asked.user.empty() ? "" : " to " + shown(asked.user)) + ": " + words +
                     login_advice(asked));
    case 404:
      return {{FaultKind::kNotFound, where + " has no " + asked.what + ": " + words}, 0, {}};
    case 429: {
      auto trouble = failed(asked, "it asks for fewer requests: " + words);
      trouble.wait = retry_after(reply);
      return trouble;
    }
    case 408:
    case 500:
    case 502:
    case 503:
    case 504: {
      auto trouble = failed(asked, "it does not work at the moment: " + words);
      trouble.wait = retry_after(reply);
      return trouble;
    }
    default:
      return final(failed(asked, "it answers " + words));
  }
}

}  // namespace mayfly::registry
