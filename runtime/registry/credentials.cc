#include "runtime/registry/credentials.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "runtime/files/read.h"
#include "runtime/registry/docker_config.h"
#include "runtime/registry/helper.h"

namespace mayfly::registry {
namespace {

using runtime::Fault;
using runtime::FaultKind;
using runtime::Result;

constexpr std::size_t kConfigBytesMax = 1 << 20;
constexpr const char* kNotThere =
    "credentials not found in native keychain";  // every helper's word

tl::unexpected<Fault> refused(std::string why) {
  return tl::unexpected(Fault{FaultKind::kRefused, std::move(why)});
}

Result<Credentials> own_login(const Registry& registry) {
  if (registry.password_file.empty()) return Credentials{registry.username, {}, {}};
  auto password = files::read_secret(registry.password_file);
  if (!password) return refused("the password file: " + password.error());
  return Credentials{registry.username, std::move(*password), {}};
}

/// None: the helper has nothing for this host.
Result<Credentials> ask_helper(const std::string& name, const std::string& host,
                               const std::stop_token& stop, std::chrono::milliseconds deadline) {
  const auto program = "docker-credential-" + name;
  const auto run = run_helper(program, login_key(host), deadline, stop);
  if (!run) return refused("the credential helper " + program + " " + run.error());
  if (run->output.find(kNotThere) != std::string::npos) return Credentials{};
  if (run->exit_code != 0) {
    return refused("the credential helper " + program + " ends with " +
                   std::to_string(run->exit_code) + " for " + host);
  }
  auto credentials = read_helper_answer(run->output);
  if (!credentials) return refused("the credential helper " + program + " " + credentials.error());
  return std::move(*credentials);
}

}  // namespace

Result<Credentials> find_credentials(const Options& options, const std::string& host,
                                     const std::stop_token& stop,
                                     std::chrono::milliseconds helper_deadline) {
  const auto own = options.registries.find(host);
  if (own != options.registries.end() && !own->second.username.empty()) {
    return own_login(own->second);
  }
  // One that is not there is a host where nobody has logged in.
  std::error_code unknown;
  if (options.docker_config.empty() ||
      std::filesystem::status(options.docker_config, unknown).type() ==
          std::filesystem::file_type::not_found) {
    return Credentials{};
  }
  const auto bytes = files::read_bounded(options.docker_config, kConfigBytesMax);
  if (!bytes) return refused("the Docker config: " + bytes.error());
  auto login = read_docker_config(*bytes, host);
  if (!login) return refused("the Docker config " + options.docker_config + ": " + login.error());
  if (login->helper.empty()) return std::move(login->credentials);
  auto told = ask_helper(login->helper, host, stop, helper_deadline);
  const bool has_any = !told || !told->username.empty() || !told->identity_token.empty();
  if (has_any) return told;
  return std::move(login->credentials);
}

}  // namespace mayfly::registry
