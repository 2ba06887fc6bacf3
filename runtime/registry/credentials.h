// As whom a registry is asked: by the options' own user and password file, else by Docker's
// config.json and its credential helpers, else as nobody. Waits for files and helpers: for a thread
// that may. Knows no HTTP.
#pragma once

#include <chrono>
#include <stop_token>
#include <string>

#include "runtime/registry/options.h"
#include "runtime/registry/resolver.h"
#include "runtime/result.h"

namespace mayfly::registry {

inline constexpr std::chrono::milliseconds kHelperDeadline{10'000};

/// `host` as references name it. All empty: anonymous. Fault: kRefused, where what is configured
/// cannot be read; its text names files and helpers and holds no secret.
[[nodiscard]] runtime::Result<Credentials> find_credentials(
    const Options& options, const std::string& host, const std::stop_token& stop,
    std::chrono::milliseconds helper_deadline = kHelperDeadline);

}  // namespace mayfly::registry
