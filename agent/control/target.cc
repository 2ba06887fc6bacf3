// Request targets: path segments and query, percent-decoded. The peer is untrusted.
#include <optional>

#include "agent/control/http.h"

namespace mayfly::control {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}

enum class Plus : std::uint8_t { kLiteral, kSpace };

std::optional<std::string> decode(std::string_view text, Plus plus) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = hex_digit(text[i + 1]);
      const int low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      c = static_cast<char>(high * 16 + low);
      i += 2;
    } else if (c == '+' && plus == Plus::kSpace) {
      c = ' ';
    }
    if (is_control(c)) return std::nullopt;
    out.push_back(c);
  }
  return out;
}

/// Cuts `text` at the first `separator`; what follows it is left in `text`.
std::string_view take(std::string_view& text, char separator) {
  const std::size_t end = text.find(separator);
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return part;
}

tl::expected<Query, std::string> parse_query(std::string_view text) {
  Query query;
  while (!text.empty()) {
    std::string_view value = take(text, '&');
    const auto key = decode(take(value, '='), Plus::kSpace);
    const auto decoded = decode(value, Plus::kSpace);
    if (!key || !decoded || key->empty())
      return tl::unexpected(std::string("the query cannot be decoded"));
    if (!query.emplace(*key, *decoded).second) {
      return tl::unexpected("the query gives \"" + *key + "\" twice");
    }
  }
  return query;
}

}  // namespace

tl::expected<Target, std::string> parse_target(std::string_view target) {
  if (target.empty() || target.front() != '/')
    return tl::unexpected(std::string("the target is not a path"));
  target.remove_prefix(1);
  std::string_view path = take(target, '?');
  Target out;
  while (!path.empty()) {
    auto segment = decode(take(path, '/'), Plus::kLiteral);
    if (!segment) return tl::unexpected(std::string("the path cannot be decoded"));
    out.segments.push_back(std::move(*segment));
  }
  auto query = parse_query(target);
  if (!query) return tl::unexpected(query.error());
  out.query = std::move(*query);
  return out;
}

}  // namespace mayfly::control
