// Where a registry is asked, and where what it says may lead: no step from TLS to plain HTTP that
// the options do not allow. Pure.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/registry/options.h"

namespace mayfly::registry {

/// "https://host", without a slash at the end. `host` as references name it.
[[nodiscard]] std::string base_url(const Options& options, const std::string& host);

/// "scheme://host:port", lower-case, the port always there. None: no http(s) URL, or one with a
/// user in it.
[[nodiscard]] std::optional<std::string> origin_of(const std::string& url);

/// May it be asked: TLS, or a registry that the options say is without.
[[nodiscard]] bool is_allowed(const Options& options, const std::string& url);

/// `base` and these name=value pairs as its query; values are escaped.
[[nodiscard]] std::string with_query(const std::string& base,
                                     const std::vector<std::pair<std::string, std::string>>& query);

/// For a query or a form.
[[nodiscard]] std::string escaped(const std::string& text);

}  // namespace mayfly::registry
