#include "runtime/registry/authorizer.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "runtime/encoding/base64.h"
#include "runtime/registry/address.h"
#include "runtime/registry/credentials.h"

namespace mayfly::registry {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::size_t kAnswerBytesMax = 256 * 1024;
constexpr std::size_t kTokenBytesMax = 32 * 1024;
constexpr auto kLifeDefault = 60s;  // what the specification says of a token that says nothing
constexpr auto kLifeMax = 1h;
constexpr auto kMargin = 5s;  // a token is no good that expires on its way

std::string basic(const Credentials& login) {
  return "Basic " + encoding::to_base64(login.username + ":" + login.password);
}

/// It becomes part of a header: anything but plain characters could become more than that.
bool is_token(const std::string& token) {
  return !token.empty() && token.size() <= kTokenBytesMax &&
         std::ranges::all_of(token, [](char byte) { return byte > ' ' && byte <= '~'; });
}

std::string text(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::chrono::seconds life_of(const json& answer) {
  const auto found = answer.find("expires_in");
  if (found == answer.end() || !found->is_number_unsigned()) return kLifeDefault;
  const auto seconds = std::min<std::uint64_t>(found->get<std::uint64_t>(), 86'400);
  return std::min<std::chrono::seconds>(kLifeMax, std::chrono::seconds(seconds));
}

}  // namespace

Authorizer::Authorizer(const Options& options, const Reference& reference, std::stop_token stop)
    : options_(options),
      host_(reference.host),
      scope_("repository:" + reference.path + ":pull"),
      stop_(std::move(stop)) {}

std::string Authorizer::header() {
  const std::lock_guard lock(mutex_);
  return Clock::now() < expires_ ? header_ : std::string();
}

std::string Authorizer::user() {
  const std::lock_guard lock(mutex_);
  if (!login_) return {};
  return login_->identity_token.empty() ? login_->username : "the holder of its identity token";
}

Authorizer::Outcome Authorizer::renew(Transport& transport, const HttpReply& refusal,
                                      const std::string& used) {
  const std::lock_guard lock(mutex_);
  // Another thread met the same refusal, and was faster.
  if (!header_.empty() && header_ != used && Clock::now() < expires_) return Renewal::kNew;
  const auto headers = refusal.headers.find("www-authenticate");
  const auto challenge = headers == refusal.headers.end() ? std::optional<Challenge>()
                                                          : read_challenges(headers->second);
  if (!challenge) {
    return tl::unexpected(
        refused("registry " + host_ + " asks for a login of a kind that Mayfly does not know"));
  }
  if (auto found = look_up(); !found) return tl::unexpected(std::move(found.error()));
  return answer(transport, *challenge);
}

tl::expected<void, Trouble> Authorizer::look_up() {
  if (login_) return {};
  auto login = find_credentials(options_, host_, stop_);
  if (!login) return tl::unexpected(Trouble{std::move(login.error()), 0, {}});
  login_ = std::move(*login);
  return {};
}

Authorizer::Outcome Authorizer::answer(Transport& transport, const Challenge& challenge) {
  if (challenge.scheme == Challenge::Scheme::kBearer) return fetch_token(transport, challenge);
  auto basic_header = login_->username.empty() ? std::string() : basic(*login_);
  if (basic_header.empty() || basic_header == header_) return Renewal::kNone;
  header_ = std::move(basic_header);
  expires_ = Clock::time_point::max();
  return Renewal::kNew;
}

HttpRequest Authorizer::token_request(const Challenge& challenge) const {
  const auto& scope = challenge.scope.empty() ? scope_ : challenge.scope;
  HttpRequest request;
  request.body_bytes_max = kAnswerBytesMax;
  const auto registry = options_.registries.find(host_);
  if (registry != options_.registries.end()) request.ca_file = registry->second.ca_file;
  if (!login_->identity_token.empty()) {
    request.method = HttpRequest::Method::kPost;
    request.url = challenge.realm;
    request.form =
        "grant_type=refresh_token&client_id=mayfly&service=" + escaped(challenge.service) +
        "&scope=" + escaped(scope) + "&refresh_token=" + escaped(login_->identity_token);
    return request;
  }
  request.url = with_query(challenge.realm, {{"service", challenge.service}, {"scope", scope}});
  if (!login_->username.empty()) request.headers.push_back("Authorization: " + basic(*login_));
  return request;
}

Authorizer::Outcome Authorizer::fetch_token(Transport& transport, const Challenge& challenge) {
  if (!is_allowed(options_, challenge.realm)) {
    return tl::unexpected(refused("registry " + host_ + " sends for a token to " +
                                  shown(challenge.realm) + ", which is not asked: no TLS"));
  }
  const auto reply = transport.perform(token_request(challenge));
  const Asked what{host_, "a token from " + shown(origin_of(challenge.realm).value_or("")),
                   login_->username};
  if (!reply) return tl::unexpected(trouble_of(reply.error(), what));
  if (reply->status != 200) return tl::unexpected(trouble_of(*reply, what));
  return keep_token(*reply);
}

Authorizer::Outcome Authorizer::keep_token(const HttpReply& reply) {
  const auto answer = json::parse(reply.body, nullptr, false);
  std::string token;
  if (answer.is_object()) token = text(answer, "token");
  if (answer.is_object() && token.empty()) token = text(answer, "access_token");
  if (!is_token(token)) {
    return tl::unexpected(refused("registry " + host_ + ": its token service gives no token"));
  }
  header_ = "Bearer " + token;
  expires_ = Clock::now() + std::max<Clock::duration>(life_of(answer) - kMargin, kMargin);
  return Renewal::kNew;
}

}  // namespace mayfly::registry
