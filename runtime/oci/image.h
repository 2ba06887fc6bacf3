// What an image says about itself: the OCI (or Docker, the same in these parts) configuration blob.
// A pure reading of bytes that anybody may have written.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

namespace mayfly::oci {

struct ImageConfig {
  std::string architecture;  ///< Go's name: "amd64", "arm64"
  std::string os;
  std::vector<std::pair<std::string, std::string>> env;
  std::vector<std::string> entrypoint;
  std::vector<std::string> cmd;
  std::string user;
  std::string working_directory;
  std::vector<std::string> diff_ids;  ///< of the layers, uncompressed, lowest first
};

/// Error: one line saying what is wrong with it.
[[nodiscard]] tl::expected<ImageConfig, std::string> parse_image_config(std::string_view json);

/// "sha256:" and 64 lower-case hex digits: the only kind of digest that Mayfly takes.
[[nodiscard]] bool is_digest(std::string_view text);

/// Go's name of the architecture that this was built for.
[[nodiscard]] std::string_view host_architecture();

}  // namespace mayfly::oci
