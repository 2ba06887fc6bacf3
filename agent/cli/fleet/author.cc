#include "agent/cli/fleet/author.h"

#include <pwd.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <stdexcept>

#include "agent/cli/text.h"

namespace mayfly::cli::fleet {
namespace {

constexpr std::size_t kNameBytesMax = 200;

std::string user() {
  for (const char* name : {"SUDO_USER", "USER"}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') return value;
  }
  const passwd* entry = getpwuid(geteuid());
  return entry != nullptr ? entry->pw_name : std::to_string(geteuid());
}

std::string host() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

std::string now() {
  const std::time_t seconds = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text.data();
}

std::string token() {
  std::array<std::uint8_t, 12> bytes{};
  if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    throw std::runtime_error("no random bytes");
  }
  std::string text;
  for (const std::uint8_t byte : bytes) {
    std::array<char, 3> hex{};
    std::snprintf(hex.data(), hex.size(), "%02x", byte);
    text += hex.data();
  }
  return text;
}

}  // namespace

Desk::Author this_author() {
  std::string name = printable(user() + "@" + host());
  name.resize(std::min(name.size(), kNameBytesMax));
  return {.name = std::move(name), .now = now, .token = token};
}

}  // namespace mayfly::cli::fleet
