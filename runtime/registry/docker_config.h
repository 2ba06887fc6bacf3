// What a Docker config.json says about one registry. Pure: reads no files and runs no helpers. The
// document holds secrets; no error quotes it.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "runtime/registry/resolver.h"

namespace mayfly::registry {

struct ConfiguredLogin {
  Credentials credentials;  ///< from auths; all empty where it has none
  std::string helper;       ///< of credHelpers, else credsStore: asked first; "" = none
};

/// Error: one line saying what is wrong with the document.
[[nodiscard]] tl::expected<ConfiguredLogin, std::string> read_docker_config(
    std::string_view json, const std::string& host);

/// What a credential helper answers. Error: one line.
[[nodiscard]] tl::expected<Credentials, std::string> read_helper_answer(std::string_view json);

/// The name under which Docker keeps a registry's login.
[[nodiscard]] std::string login_key(const std::string& host);

/// A helper's name becomes part of a program's name: letters, digits, "-", "_" and inner ".".
[[nodiscard]] bool is_helper_name(std::string_view name);

}  // namespace mayfly::registry
