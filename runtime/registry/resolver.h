// Asks registries on the loop's behalf: what a reference means there, and as whom to ask. Waits on
// threads of its own (names are resolved, credential helpers run), answers on the loop. Knows
// nothing of runtimes.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <memory>
#include <string>

#include "runtime/registry/options.h"
#include "runtime/result.h"

namespace mayfly::registry {

struct Found {
  std::string digest;            ///< "sha256:…", of the manifest for this platform
  std::uint64_t size_bytes = 0;  ///< of its layers, compressed
};

/// All empty: anonymous.
struct Credentials {
  std::string username;
  std::string password;
  std::string identity_token;  ///< instead of a password, where a login gave one
};

class Resolver {
 public:
  Resolver(boost::asio::io_context& loop, Options options);
  ~Resolver();  ///< stops what is under way and calls nothing back
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  /// `name`: "host/name:tag" or "host/name@sha256:…". Faults: kNotFound (no such tag), kRefused
  /// (credentials, platform, not a reference), kFailed (the registry does not answer as it should).
  void resolve(const std::string& name, runtime::Done<Found> done);

  /// What is configured for the registry of `name`. Fault: kRefused, where it cannot be read.
  void credentials(const std::string& name, runtime::Done<Credentials> done);

 private:
  class Threads;
  std::unique_ptr<Threads> threads_;
};

}  // namespace mayfly::registry
