#include "agent/coordinator/claim_text.h"

#include <charconv>
#include <nlohmann/json.hpp>
#include <string_view>

namespace mayfly::coordinator {
namespace {

using Json = nlohmann::ordered_json;

std::string text_at(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string member_text(const Member& member) {
  return dump({{"instance", member.instance},
               {"labels", member.labels},
               {"scheduling", member.scheduling}});
}

std::string claim_text(const Claim& claim, std::uint64_t token) {
  return dump({{"node", claim.node}, {"instance", claim.instance}, {"token", token}});
}

std::optional<Member> member_of(const etcd::KeyValue& kv) {
  const Json json = Json::parse(kv.value, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return Member{};
  Member member{.instance = text_at(json, "instance"), .scheduling = text_at(json, "scheduling")};
  const auto labels = json.find("labels");
  if (labels == json.end() || !labels->is_object()) return member;
  for (const auto& [key, value] : labels->items()) {
    if (value.is_string()) member.labels[key] = value.get<std::string>();
  }
  return member;
}

std::optional<Claim> claim_of(const etcd::KeyValue& kv) {
  const std::string_view key = kv.key;
  const auto last = key.rfind('/');
  if (last == std::string_view::npos || last == 0) return std::nullopt;
  const auto before = key.rfind('/', last - 1);
  const std::string_view digits = key.substr(last + 1);
  Claim claim;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), claim.slot);
  const bool is_whole = error == std::errc{} && end == digits.data() + digits.size();
  // One way to write a number, or two keys would be one slot.
  if (!is_whole || (digits.size() > 1 && digits.front() == '0')) return std::nullopt;
  claim.pool = key.substr(before + 1, last - before - 1);
  const Json json = Json::parse(kv.value, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return claim;
  claim.node = text_at(json, "node");
  claim.instance = text_at(json, "instance");
  return claim;
}

}  // namespace mayfly::coordinator
