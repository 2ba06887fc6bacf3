// Reads the JSON of a runtime, which may be anything: what is absent or of another kind reads as
// empty. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace mayfly::docker {

using Json = nlohmann::json;

/// Null where it is no JSON.
[[nodiscard]] Json parse(std::string_view body);

[[nodiscard]] const Json& member(const Json& object, const char* key);
[[nodiscard]] std::string text(const Json& object, const char* key);
[[nodiscard]] std::vector<std::string> texts(const Json& object, const char* key);
[[nodiscard]] std::map<std::string, std::string> text_map(const Json& object, const char* key);
[[nodiscard]] bool is_true(const Json& object, const char* key);
/// 0 also where it is negative or no whole number.
[[nodiscard]] std::uint64_t number(const Json& object, const char* key);

}  // namespace mayfly::docker
