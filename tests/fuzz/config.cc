// Configuration from anywhere: it is read or refused with a place and a reason, and what was read
// survives being written and read again.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "config/contexts.h"
#include "config/diff.h"
#include "config/fleet_pool.h"
#include "config/load.h"

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

void check_faults(const mayfly::config::Faults& faults) {
  check(!faults.empty() && faults.size() <= 101);
  for (const auto& fault : faults) {
    const std::string text = to_string(fault);
    check(!fault.file.empty() && !fault.what.empty() && text.size() < 2000);
    for (const char c : text) check(static_cast<unsigned char>(c) >= ' ' && c != '\x7f');
  }
}

void check_pool(const tl::expected<mayfly::config::Pool, mayfly::config::Faults>& pool) {
  if (!pool) {
    check_faults(pool.error());
    return;
  }
  const auto back = mayfly::config::parse_pool_json(to_json(*pool));
  check(back.has_value() && *back == *pool);
  check(mayfly::config::diff(*pool, *back).changes.empty());
}

void check_fleet_pool(
    const tl::expected<mayfly::config::FleetPool, mayfly::config::Faults>& fleet_pool) {
  if (!fleet_pool) {
    check_faults(fleet_pool.error());
    return;
  }
  const auto back = mayfly::config::parse_fleet_pool_json(to_json(*fleet_pool));
  check(back.has_value());
  check(mayfly::config::diff(*fleet_pool, *back).changes.empty());
  check(fleet_pool->deleted || *back == *fleet_pool);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  check_pool(mayfly::config::parse_pool_toml(text, "pool.toml"));
  check_pool(mayfly::config::parse_pool_json(text));
  check_fleet_pool(mayfly::config::parse_fleet_pool_toml(text, "pool.toml"));
  check_fleet_pool(mayfly::config::parse_fleet_pool_json(text));
  const auto contexts = mayfly::config::parse_contexts(text, "contexts.toml");
  if (!contexts) check_faults(contexts.error());
  return 0;
}
