#include "runtime/docker/json.h"

namespace mayfly::docker {

Json parse(std::string_view body) {
  auto document = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  return document.is_discarded() ? Json() : document;
}

const Json& member(const Json& object, const char* key) {
  static const Json kNull;
  if (!object.is_object()) return kNull;
  const auto found = object.find(key);
  return found == object.end() ? kNull : *found;
}

std::string text(const Json& object, const char* key) {
  const auto& value = member(object, key);
  return value.is_string() ? value.get<std::string>() : std::string();
}

std::vector<std::string> texts(const Json& object, const char* key) {
  std::vector<std::string> list;
  for (const auto& value : member(object, key)) {
    if (value.is_string()) list.push_back(value.get<std::string>());
  }
  return list;
}

std::map<std::string, std::string> text_map(const Json& object, const char* key) {
  std::map<std::string, std::string> map;
  const auto& value = member(object, key);
  if (!value.is_object()) return map;
  for (const auto& [name, each] : value.items()) {
    if (each.is_string()) map.emplace(name, each.get<std::string>());
  }
  return map;
}

bool is_true(const Json& object, const char* key) {
  const auto& value = member(object, key);
  return value.is_boolean() && value.get<bool>();
}

std::uint64_t number(const Json& object, const char* key) {
  const auto& value = member(object, key);
  return value.is_number_unsigned() ? value.get<std::uint64_t>() : 0;
}

}  // namespace mayfly::docker
