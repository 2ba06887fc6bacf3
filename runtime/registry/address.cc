#include "runtime/registry/address.h"

#include <curl/curl.h>

#include <algorithm>
#include <memory>
#include <string_view>

namespace mayfly::registry {
namespace {

constexpr std::size_t kUrlBytesMax = 16 * 1024;  // signed URLs of blob stores are long
constexpr const char* kDockerHub = "registry-1.docker.io";

/// Empty: it has none.
std::string part(CURLU* url, CURLUPart which, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, which, &text, flags) != CURLUE_OK) return {};
  std::string copy(text);
  curl_free(text);
  return copy;
}

bool is_plain(const Options& options, const std::string& host) {
  const auto found = options.registries.find(host);
  return found != options.registries.end() && found->second.plain_http;
}

}  // namespace

std::string base_url(const Options& options, const std::string& host) {
  if (host == "docker.io") return std::string("https://") + kDockerHub;
  return (is_plain(options, host) ? "http://" : "https://") + host;
}

std::optional<std::string> origin_of(const std::string& text) {
  if (text.size() > kUrlBytesMax) return std::nullopt;
  const std::unique_ptr<CURLU, void (*)(CURLU*)> url(curl_url(), curl_url_cleanup);
  if (curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) return std::nullopt;
  const auto scheme = part(url.get(), CURLUPART_SCHEME);
  auto host = part(url.get(), CURLUPART_HOST);
  if ((scheme != "http" && scheme != "https") || host.empty()) return std::nullopt;
  if (!part(url.get(), CURLUPART_USER).empty()) return std::nullopt;
  std::ranges::transform(host, host.begin(), [](char byte) {
    return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte - 'A' + 'a') : byte;
  });
  return scheme + "://" + host + ":" + part(url.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
}

bool is_allowed(const Options& options, const std::string& url) {
  const auto origin = origin_of(url);
  if (!origin) return false;
  if (origin->starts_with("https://")) return true;
  return std::ranges::any_of(options.registries, [&](const auto& entry) {
    return entry.second.plain_http && origin_of("http://" + entry.first) == origin;
  });
}

std::string escaped(const std::string& text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  constexpr std::string_view kPlain = "-._~";
  std::string out;
  for (const char byte : text) {
    const bool plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                       (byte >= '0' && byte <= '9') || kPlain.find(byte) != std::string_view::npos;
    const auto value = static_cast<unsigned char>(byte);
    if (plain) {
      out.push_back(byte);
    } else {
      out += {'%', kHex[value >> 4], kHex[value & 0xf]};
    }
  }
  return out;
}

std::string with_query(const std::string& base,
                       const std::vector<std::pair<std::string, std::string>>& query) {
  std::string url = base;
  char glue = base.find('?') == std::string::npos ? '?' : '&';
  for (const auto& [name, value] : query) {
    if (value.empty()) continue;
    url += glue + name + "=" + escaped(value);
    glue = '&';
  }
  return url;
}

}  // namespace mayfly::registry
