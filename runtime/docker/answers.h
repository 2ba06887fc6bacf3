// What the Engine API says of containers and images, read from its answers. Pure; the answers may
// be anything.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/container.h"
#include "runtime/oci/image.h"

namespace mayfly::docker {

using Labels = std::map<std::string, std::string>;

/// Of GET /containers/{id}/json.
struct Inspected {
  std::string id;
  std::string name;  ///< without the slash
  Labels labels;
  runtime::State state = runtime::State::kIncomplete;
  bool is_restarting = false;
  pid_t pid = 0;                              ///< of a running one
  std::optional<runtime::ExitStatus> status;  ///< of a stopped one, where it is known
};

/// One of GET /containers/json, or of Podman's own GET /libpod/containers/json.
struct Listed {
  std::string id;
  std::string name;
  Labels labels;
  runtime::State state = runtime::State::kIncomplete;
  pid_t pid = 0;  ///< of a running one, where it is said: Podman's own list does
  std::optional<runtime::ExitStatus> status;
};

/// Of GET /images/{name}/json.
struct LocalImage {
  std::string id;
  std::vector<std::string> tags;     ///< "host/name:tag"
  std::vector<std::string> digests;  ///< "host/name@sha256:…"
  std::uint64_t size_bytes = 0;
  bool has_health_check = false;
  oci::ImageConfig config;  ///< entrypoint, cmd, working directory, user
};

/// The id of what was created; "" where there is none.
[[nodiscard]] std::string read_created(std::string_view body);
[[nodiscard]] std::optional<Inspected> read_container(std::string_view body);
[[nodiscard]] std::optional<std::vector<Listed>> read_containers(std::string_view body);
[[nodiscard]] std::optional<LocalImage> read_image(std::string_view body);
/// Of GET /images/json; without their configs.
[[nodiscard]] std::optional<std::vector<LocalImage>> read_images(std::string_view body);

/// What an error says, in one line; "" where it says nothing.
[[nodiscard]] std::string read_message(std::string_view body);

/// `text` in one line, cut to what people read.
[[nodiscard]] std::string one_line(std::string_view text);

}  // namespace mayfly::docker
