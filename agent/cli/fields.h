// Reading answers that may lack a field or have another type: an older or newer daemon is no crash.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

namespace mayfly::cli {

using Json = nlohmann::ordered_json;

/// "" where it is absent; numbers are printed.
[[nodiscard]] std::string text(const Json& json, const char* key);
[[nodiscard]] std::optional<std::int64_t> number(const Json& json, const char* key);
[[nodiscard]] double real(const Json& json, const char* key);
[[nodiscard]] bool flag(const Json& json, const char* key);
/// An empty one where it is absent.
[[nodiscard]] const Json& object(const Json& json, const char* key);
[[nodiscard]] const Json& array(const Json& json, const char* key);

}  // namespace mayfly::cli
