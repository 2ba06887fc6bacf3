#include "runtime/registry/docker_config.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/encoding/base64.h"

namespace mayfly::registry {
namespace {

using nlohmann::json;

constexpr std::size_t kHelperNameMax = 64;
constexpr const char* kDockerKey = "https://index.docker.io/v1/";
constexpr const char* kTokenUser =
    "<token>";  // a helper's word for: the secret is an identity token

std::string text(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

/// Docker has written "https://host/v1/" as well as "host".
std::string host_of_key(std::string_view key) {
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (key.starts_with(scheme)) key.remove_prefix(scheme.size());
  }
  const auto host = key.substr(0, key.find('/'));
  return std::string(host == "index.docker.io" ? "docker.io" : host);
}

tl::expected<Credentials, std::string> read_entry(const json& entry) {
  Credentials credentials{text(entry, "username"), text(entry, "password"),
                          text(entry, "identitytoken")};
  const auto auth = text(entry, "auth");
  if (auth.empty()) return credentials;
  const auto pair = encoding::from_base64(auth);
  if (!pair) return tl::unexpected(std::string("its auth is not base64"));
  const auto colon = pair->find(':');
  if (colon == std::string::npos) {
    return tl::unexpected(std::string("its auth is no \"user:password\""));
  }
  credentials.username = pair->substr(0, colon);
  credentials.password = pair->substr(colon + 1);
  // Docker pads the pair with NULs in some versions.
  credentials.password.erase(credentials.password.find_last_not_of('\0') + 1);
  return credentials;
}

const json* member(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_object() ? &*found : nullptr;
}

/// The entry that is named exactly so counts before one that only means the same host.
const json* find_entry(const json& auths, const std::string& host) {
  const json* found = nullptr;
  for (const auto& [key, entry] : auths.items()) {
    if (!entry.is_object() || host_of_key(key) != host) continue;
    if (found == nullptr || key == login_key(host)) found = &entry;
  }
  return found;
}

std::string find_helper(const json& document, const std::string& host) {
  if (const auto* helpers = member(document, "credHelpers")) {
    for (const auto& [key, name] : helpers->items()) {
      if (name.is_string() && host_of_key(key) == host) return name.get<std::string>();
    }
  }
  return text(document, "credsStore");
}

}  // namespace

std::string login_key(const std::string& host) {
  return host == "docker.io" ? kDockerKey : host;
}

bool is_helper_name(std::string_view name) {
  return !name.empty() && name.size() <= kHelperNameMax && name.front() != '.' &&
         name.front() != '-' && std::ranges::all_of(name, [](char byte) {
           return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                  (byte >= '0' && byte <= '9') || byte == '-' || byte == '_' || byte == '.';
         });
}

tl::expected<ConfiguredLogin, std::string> read_docker_config(std::string_view bytes,
                                                              const std::string& host) {
  const auto document = json::parse(bytes, nullptr, false);
  if (!document.is_object()) return tl::unexpected(std::string("it is no JSON object"));
  ConfiguredLogin login;
  login.helper = find_helper(document, host);
  if (!login.helper.empty() && !is_helper_name(login.helper)) {
    return tl::unexpected(std::string("its credential helper is no plain word"));
  }
  const auto* auths = member(document, "auths");
  const auto* entry = auths == nullptr ? nullptr : find_entry(*auths, host);
  if (entry == nullptr) return login;
  auto credentials = read_entry(*entry);
  if (!credentials) return tl::unexpected("the entry for " + host + ": " + credentials.error());
  login.credentials = std::move(*credentials);
  return login;
}

tl::expected<Credentials, std::string> read_helper_answer(std::string_view bytes) {
  const auto document = json::parse(bytes, nullptr, false);
  if (!document.is_object()) return tl::unexpected(std::string("answers no JSON object"));
  const auto username = text(document, "Username");
  const auto secret = text(document, "Secret");
  if (username.empty() || secret.empty()) {
    return tl::unexpected(std::string("answers without Username or Secret"));
  }
  if (username == kTokenUser) return Credentials{{}, {}, secret};
  return Credentials{username, secret, {}};
}

}  // namespace mayfly::registry
