#include "runtime/gate/frames.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace mayfly::gate {
namespace {

using nlohmann::json;

constexpr std::size_t kWhatBytesMax = 512;
constexpr int kErrnoMax = 4095;  // the kernel's MAX_ERRNO

tl::unexpected<std::string> fault(const char* what) {
  return tl::make_unexpected<std::string>(what);
}

std::string printable(std::string_view text) {
  std::string out(text.substr(0, kWhatBytesMax));
  std::replace_if(
      out.begin(), out.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return out;
}

std::optional<std::string_view> text_of(const json& frame, const char* key) {
  const auto found = frame.find(key);
  if (found == frame.end() || !found->is_string()) return std::nullopt;
  return found->get_ref<const std::string&>();
}

tl::expected<PeerFrame, std::string> parse_hello(const json& frame) {
  const auto hold = text_of(frame, "hold");
  if (hold == "gate") return Hello{Hold::kGate};
  if (hold == "exec") return Hello{Hold::kExec};
  if (hold == "app") return Hello{Hold::kApp};
  return fault("hello without a known hold");
}

tl::expected<PeerFrame, std::string> parse_failed(const json& frame) {
  const auto number = frame.find("errno");
  if (number == frame.end() || !number->is_number_unsigned()) return fault("failed without errno");
  const auto value = number->get<std::uint64_t>();
  if (value == 0 || value > kErrnoMax) return fault("failed with an errno out of range");
  return ExecFailed{static_cast<int>(value), printable(text_of(frame, "what").value_or("exec"))};
}

bool speaks_our_version(const json& frame) {
  const auto version = frame.find("mayfly");
  return version != frame.end() && version->is_number_unsigned() &&
         version->get<std::uint64_t>() == kProtocolVersion;
}

bool nameable(const std::string& name) {
  return !name.empty() && name.find_first_of(std::string_view("=\0", 2)) == std::string::npos;
}

/// As a JSON string. What is not UTF-8 cannot be said in JSON; it arrives with U+FFFD rather than
/// abort.
void append_text(std::string& out, const std::string& text) {
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
    return c >= ' ' && c <= '~' && c != '"' && c != '\\';
  });
  if (!plain) {
    out += json(text).dump(-1, ' ', false, json::error_handler_t::replace);
    return;
  }
  out += '"';
  out += text;
  out += '"';
}

std::string start_of(const char* type) {
  return R"({"mayfly":)" + std::to_string(kProtocolVersion) + R"(,"type":")" + type + '"';
}

/// Written out by hand, since a released worker waits for it: a document costs 15 us here.
tl::expected<std::string, std::string> with_env(std::string line, const Environment& env) {
  if (env.size() > kEnvironmentMax) return fault("too many variables for one frame");
  line += R"(,"env":{)";
  bool first = true;
  for (const auto& [name, value] : env) {
    if (!nameable(name)) return fault("a variable without a usable name");
    if (value.find('\0') != std::string::npos) return fault("a variable with a NUL in its value");
    if (!std::exchange(first, false)) line += ',';
    append_text(line, name);
    line += ':';
    append_text(line, value);
  }
  line += "}}\n";
  if (line.size() > kAgentFrameBytesMax) return fault("the variables exceed one frame of 64 KiB");
  return line;
}

}  // namespace

tl::expected<PeerFrame, std::string> parse_peer_frame(std::string_view line) {
  const json frame = json::parse(line, nullptr, false);
  if (frame.is_discarded()) return fault("not JSON");
  if (!frame.is_object()) return fault("not a JSON object");
  if (!speaks_our_version(frame)) return fault("not version 1 of the protocol");
  const auto type = text_of(frame, "type");
  if (!type) return fault("a frame without a type");
  if (*type == "hello") return parse_hello(frame);
  if (*type == "ready") return Ready{};
  if (*type == "failed") return parse_failed(frame);
  return fault("a frame of unknown type");
}

std::optional<std::string> LineBuffer::next() {
  const auto newline = bytes_.find('\n');
  if (newline == std::string::npos) return std::nullopt;
  std::string line = bytes_.substr(0, newline);
  bytes_.erase(0, newline + 1);
  if (bytes_.empty()) bytes_.shrink_to_fit();  // most peers speak once, then wait for an hour
  return line;
}

tl::expected<std::string, std::string> start_frame(const Environment& env) {
  return with_env(start_of("start"), env);
}

tl::expected<std::string, std::string> release_frame(std::uint32_t slot, const Environment& env) {
  return with_env(start_of("release") + R"(,"slot":)" + std::to_string(slot), env);
}

}  // namespace mayfly::gate
