// An image's name taken apart, by Docker's rules. Pure; the name is anybody's.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace mayfly::registry {

/// "host[:port]/path[:tag][@digest]", completed: without a host it is docker.io, and there a single
/// word is library/…; without tag and digest the tag is latest.
struct Reference {
  std::string host;    ///< with its port, as options name registries: "docker.io", "a.example:5000"
  std::string path;    ///< "library/busybox"
  std::string tag;     ///< "" where only a digest is named
  std::string digest;  ///< "" or "sha256:…"; it counts before the tag

  [[nodiscard]] std::string text() const;        ///< in full
  [[nodiscard]] std::string repository() const;  ///< "host/path"
  /// What to ask the registry for: digest, else tag.
  [[nodiscard]] const std::string& version() const { return digest.empty() ? tag : digest; }
};

/// Error: one line that says what is wrong with it. A digest alone is none: it names no registry.
[[nodiscard]] tl::expected<Reference, std::string> parse_reference(std::string_view name);

}  // namespace mayfly::registry
