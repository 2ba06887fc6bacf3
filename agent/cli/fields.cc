#include "agent/cli/fields.h"

#include <nlohmann/json.hpp>

namespace mayfly::cli {
namespace {

const Json* find(const Json& json, const char* key) {
  if (!json.is_object()) return nullptr;
  const auto found = json.find(key);
  return found == json.end() ? nullptr : &*found;
}

}  // namespace

std::string text(const Json& json, const char* key) {
  const Json* value = find(json, key);
  if (value == nullptr || value->is_null()) return "";
  if (value->is_string()) return value->get<std::string>();
  return value->dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::optional<std::int64_t> number(const Json& json, const char* key) {
  const Json* value = find(json, key);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  return value->get<std::int64_t>();
}

double real(const Json& json, const char* key) {
  const Json* value = find(json, key);
  return value != nullptr && value->is_number() ? value->get<double>() : 0.0;
}

bool flag(const Json& json, const char* key) {
  const Json* value = find(json, key);
  return value != nullptr && value->is_boolean() && value->get<bool>();
}

const Json& object(const Json& json, const char* key) {
  static const Json kEmpty = Json::object();
  const Json* value = find(json, key);
  return value != nullptr && value->is_object() ? *value : kEmpty;
}

const Json& array(const Json& json, const char* key) {
  static const Json kEmpty = Json::array();
  const Json* value = find(json, key);
  return value != nullptr && value->is_array() ? *value : kEmpty;
}

}  // namespace mayfly::cli
