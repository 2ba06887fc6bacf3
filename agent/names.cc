#include "agent/names.h"

#include <unistd.h>

#include <charconv>

namespace mayfly::agent {
namespace {

/// Digits only, no sign, no leading zero, so that each id has one name.
std::optional<std::uint32_t> parse_number(std::string_view text) {
  if (text.empty() || (text.size() > 1 && text.front() == '0')) return std::nullopt;
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

std::string worker_name(const core::PoolName& pool, core::WorkerId worker) {
  const auto id = static_cast<std::uint64_t>(worker);
  return pool + "-" + std::to_string(id >> 32) + "-" + std::to_string(id & 0xffff'ffffU);
}

std::optional<ParsedName> parse_worker_name(std::string_view name) {
  const std::size_t last = name.rfind('-');
  if (last == std::string_view::npos || last == 0) return std::nullopt;
  const std::size_t middle = name.rfind('-', last - 1);
  if (middle == std::string_view::npos || middle == 0) return std::nullopt;
  const auto run = parse_number(name.substr(middle + 1, last - middle - 1));
  const auto number = parse_number(name.substr(last + 1));
  if (!run || !number) return std::nullopt;
  const std::uint64_t id = (static_cast<std::uint64_t>(*run) << 32) + *number;
  return ParsedName{std::string(name.substr(0, middle)), core::WorkerId{id}};
}

std::optional<ParsedName> worker_of_container(const std::string& instance,
                                              std::string_view container) {
  const std::string prefix = container_prefix(instance);
  if (!container.starts_with(prefix)) return std::nullopt;
  return parse_worker_name(container.substr(prefix.size()));
}

std::string container_prefix(const std::string& instance) {
  return "mayfly-" + instance + "-";
}

std::string host_name() {
  char name[256] = {};
  if (gethostname(name, sizeof name - 1) != 0) return "localhost";
  return name;
}

}  // namespace mayfly::agent
