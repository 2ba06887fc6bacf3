#include "agent/control/reply.h"

#include <charconv>
#include <nlohmann/json.hpp>

#include "agent/control/names.h"
#include "agent/control/router.h"
#include "agent/control/views.h"

namespace mayfly::control {
namespace {

unsigned status_of(Refusal refusal) {
  switch (refusal) {
    case Refusal::kNotFound:
      return 404;
    case Refusal::kRefused:
      return 409;
    case Refusal::kInvalid:
      return 422;
    case Refusal::kFailed:
      return 500;
    case Refusal::kTimedOut:
      return 504;
  }
  return 500;
}

}  // namespace

Response error_response(unsigned status, std::string_view code, std::string_view message) {
  Response response = json_response(Json{{"error", {{"code", code}, {"message", message}}}});
  response.status = status;
  return response;
}

Response forbidden(Access access) {
  return error_response(
      403, "forbidden",
      access == Access::kNone
          ? "only root and members of the socket's group may use this"
          : "this socket is for reading only: what changes something goes to the main control "
            "socket, which root and members of its group may use");
}

Response too_large(std::uint64_t bytes_max) {
  return error_response(413, "too_large",
                        "the body is larger than " + std::to_string(bytes_max) + " bytes");
}

Response json_response(const Json& json) {
  Response response;
  response.body = render(json) + "\n";
  return response;
}

Response refusal_response(const Error& error) {
  return error_response(status_of(error.refusal), name(error.refusal), error.what);
}

Response faults_response(const config::Faults& faults) {
  std::string message;
  Json list = Json::array();
  for (const config::Fault& fault : faults) {
    message += (message.empty() ? "" : "; ") + fault.what;
    list.push_back({{"line", fault.line}, {"column", fault.column}, {"what", fault.what}});
  }
  Json error{{"code", "invalid"}, {"message", message}, {"faults", std::move(list)}};
  Response response = json_response(Json{{"error", std::move(error)}});
  response.status = 422;
  return response;
}

std::string no_such_pool(const std::string& pool) {
  return "there is no pool \"" + pool + "\"";
}

std::string no_such_worker(const std::string& worker) {
  return "there is no worker \"" + worker + "\" now; `mayfly get exits` lists those that ended";
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  if (value > static_cast<std::uint64_t>(INT64_MAX)) return std::nullopt;
  return value;
}

tl::expected<Json, Response> parse_object(const std::string& body, const std::string& key) {
  if (body.empty()) return Json::object();
  Json json = Json::parse(body, nullptr, false);
  if (json.is_discarded()) {
    return tl::unexpected(error_response(400, "bad_request", "the body is not JSON"));
  }
  if (!json.is_object()) {
    return tl::unexpected(error_response(422, "invalid", "the body must be a JSON object"));
  }
  for (const auto& item : json.items()) {
    if (item.key() == key) continue;
    return tl::unexpected(error_response(422, "invalid", "unknown key \"" + item.key() + "\""));
  }
  return json;
}

tl::expected<bool, Response> parse_flag(const Call& call, const std::string& key) {
  const std::string word = call.query(key);
  if (word.empty() || word == "false") return false;
  if (word == "true") return true;
  return tl::unexpected(error_response(400, "bad_request", key + " must be true or false"));
}

Reply<std::vector<ImageRow>> reply_images(Respond respond) {
  using Rows = std::vector<ImageRow>;
  return reply_with<Rows>(std::move(respond), [](const Rows& rows) {
    Json images = Json::array();
    for (const auto& row : rows) images.push_back(image_view(row));
    return Json{{"images", std::move(images)}};
  });
}

Reply<ApplyResult> reply_apply(Respond respond) {
  return reply_with<ApplyResult>(std::move(respond), apply_view);
}

Reply<std::string> reply_message(Respond respond) {
  return reply_with<std::string>(std::move(respond), [](const std::string& message) {
    return Json{{"message", message}};
  });
}

}  // namespace mayfly::control
