// What a registry asks for before it answers: the reading of WWW-Authenticate. Pure; the header is
// anybody's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mayfly::registry {

struct Challenge {
  enum class Scheme : std::uint8_t { kBasic, kBearer };
  Scheme scheme = Scheme::kBasic;
  std::string realm;    ///< of kBearer: the URL that gives tokens
  std::string service;  ///< "" where it is not said, as the next
  std::string scope;
};

/// Of all that the headers offer, Bearer with a realm before Basic. None: nothing that we know.
[[nodiscard]] std::optional<Challenge> read_challenges(const std::vector<std::string>& headers);

}  // namespace mayfly::registry
