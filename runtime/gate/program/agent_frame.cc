#include "runtime/gate/program/agent_frame.h"

#include <json-c/json.h>

#include <algorithm>
#include <cstring>
#include <memory>

namespace mayfly::gate {
namespace {

constexpr int kDepthMax = 8;
constexpr std::size_t kPrefaultBytes = 4096;

struct FreeTokener {
  void operator()(json_tokener* tokener) const { json_tokener_free(tokener); }
};
struct PutObject {
  void operator()(json_object* object) const { json_object_put(object); }
};
using Document = std::unique_ptr<json_object, PutObject>;

Document parse(std::string_view text) {
  const std::unique_ptr<json_tokener, FreeTokener> tokener(json_tokener_new_ex(kDepthMax));
  if (!tokener) return nullptr;
  json_tokener_set_flags(tokener.get(), JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
  Document document(
      json_tokener_parse_ex(tokener.get(), text.data(), static_cast<int>(text.size())));
  const bool whole = json_tokener_get_error(tokener.get()) == json_tokener_success &&
                     json_tokener_get_parse_end(tokener.get()) == text.size();
  return whole ? std::move(document) : nullptr;
}

json_object* member(json_object* object, const char* name) {
  json_object* value = nullptr;
  json_object_object_get_ex(object, name, &value);
  return value;
}

std::string_view text_of(json_object* value) {
  if (!json_object_is_type(value, json_type_string)) return {};
  return {json_object_get_string(value),
          static_cast<std::size_t>(json_object_get_string_len(value))};
}

bool read_variables(json_object* env, Variables& variables) {
  if (env == nullptr) return true;
  if (!json_object_is_type(env, json_type_object)) return false;
  json_object_object_foreach(env, name, value) {
    if (!json_object_is_type(value, json_type_string)) return false;
    if (!variables.add(name, text_of(value))) return false;
  }
  return true;
}

}  // namespace

bool Variables::add(std::string_view name, std::string_view value) {
  const std::size_t needed = name.size() + value.size() + 2;
  if (count_ == entries_.size() || bytes_.size() - used_ < needed) return false;
  if (name.empty() || name.find('=') != name.npos || value.find('\0') != value.npos) return false;
  char* const entry = bytes_.data() + used_;
  char* end = std::copy(name.begin(), name.end(), entry);
  *end++ = '=';
  end = std::copy(value.begin(), value.end(), end);
  *end = '\0';
  entries_[count_++] = entry;
  used_ += needed;
  return true;
}

void Variables::prefault() {
  std::memset(bytes_.data(), 0, kPrefaultBytes);
  std::memset(entries_.data(), 0, kPrefaultBytes);
}

AgentFrame parse_agent_frame(std::string_view line, Variables& variables) {
  variables.clear();
  const Document frame = parse(line);
  if (!json_object_is_type(frame.get(), json_type_object)) return AgentFrame::kInvalid;
  json_object* const version = member(frame.get(), "mayfly");
  if (!json_object_is_type(version, json_type_int)) return AgentFrame::kInvalid;
  if (json_object_get_int64(version) != kProtocolVersion) return AgentFrame::kInvalid;

  const std::string_view type = text_of(member(frame.get(), "type"));
  if (type != "start" && type != "release") return AgentFrame::kInvalid;
  if (!read_variables(member(frame.get(), "env"), variables)) return AgentFrame::kInvalid;
  return type == "start" ? AgentFrame::kStart : AgentFrame::kRelease;
}

}  // namespace mayfly::gate
