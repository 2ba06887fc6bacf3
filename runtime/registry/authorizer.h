// Answers a registry's challenge: with the login that is configured for it, directly or for a token
// of one repository, which is kept until it expires. Shared by the threads that fetch from it.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <tl/expected.hpp>

#include "runtime/registry/challenge.h"
#include "runtime/registry/options.h"
#include "runtime/registry/reference.h"
#include "runtime/registry/resolver.h"
#include "runtime/registry/transport.h"
#include "runtime/registry/trouble.h"

namespace mayfly::registry {

class Authorizer {
 public:
  enum class Renewal : std::uint8_t { kNew, kNone };
  using Outcome = tl::expected<Renewal, Trouble>;

  /// Borrows `options`. Logins are looked up when a registry first asks for one.
  Authorizer(const Options& options, const Reference& reference, std::stop_token stop);

  /// The value of the Authorization header for now; "" = none. It is a secret.
  [[nodiscard]] std::string header();

  /// After a 401 to a request that was sent with `used`. Waits. kNone: there is nothing to answer
  /// it with; the refusal stands.
  Outcome renew(Transport& transport, const HttpReply& refusal, const std::string& used);

  /// As whom; "" = nobody, or not looked up.
  [[nodiscard]] std::string user();

 private:
  tl::expected<void, Trouble> look_up();
  Outcome answer(Transport& transport, const Challenge& challenge);
  Outcome fetch_token(Transport& transport, const Challenge& challenge);
  [[nodiscard]] HttpRequest token_request(const Challenge& challenge) const;
  Outcome keep_token(const HttpReply& reply);

  const Options& options_;
  std::string host_;
  std::string scope_;
  std::stop_token stop_;
  std::mutex mutex_;
  std::optional<Credentials> login_;
  std::string header_;
  std::chrono::steady_clock::time_point expires_{};
};

}  // namespace mayfly::registry
