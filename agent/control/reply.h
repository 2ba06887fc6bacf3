// From the daemon's replies to responses; shared by the handlers.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/control/http.h"
#include "agent/control/operations.h"
#include "config/load.h"

namespace mayfly::control {

[[nodiscard]] Response json_response(const nlohmann::ordered_json& json);
[[nodiscard]] Response refusal_response(const Error& error);

/// 422 with all that is wrong.
[[nodiscard]] Response faults_response(const config::Faults& faults);

[[nodiscard]] std::string no_such_pool(const std::string& pool);
[[nodiscard]] std::string no_such_worker(const std::string& worker);

/// Decimal digits only, up to 2^63 - 1.
[[nodiscard]] std::optional<std::uint64_t> parse_number(std::string_view text);

/// A JSON object with no other keys than `key`, which may be ""; an empty body is an empty one.
[[nodiscard]] tl::expected<nlohmann::ordered_json, Response> parse_object(const std::string& body,
                                                                          const std::string& key);
struct Call;
/// Of the query: "true", "false" or not given, which is false.
[[nodiscard]] tl::expected<bool, Response> parse_flag(const Call& call, const std::string& key);

template <class T>
[[nodiscard]] Reply<T> reply_with(Respond respond,
                                  std::function<nlohmann::ordered_json(const T&)> view) {
  return [respond = std::move(respond), view = std::move(view)](tl::expected<T, Error> result) {
    respond(result ? json_response(view(*result)) : refusal_response(result.error()));
  };
}

[[nodiscard]] Reply<std::vector<ImageRow>> reply_images(Respond respond);
[[nodiscard]] Reply<ApplyResult> reply_apply(Respond respond);
/// {"message": …}
[[nodiscard]] Reply<std::string> reply_message(Respond respond);

}  // namespace mayfly::control
