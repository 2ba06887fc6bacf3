// The directories of the gates on the host, laid out as gates.h says. Knows paths and files;
// refuses to know connections. What lies in a worker's `mnt` is treated as hostile.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "runtime/descriptor.h"

namespace mayfly::gate {

class Directories {
 public:
  explicit Directories(std::string root) : root_(std::move(root)) {}

  struct Marker {
    runtime::Descriptor file;
    std::optional<std::uint32_t> slot;  ///< that it names
  };

  /// Makes the worker's directory where it is absent, and opens its marker. Error: one line with
  /// the path.
  [[nodiscard]] tl::expected<Marker, std::string> make(const std::string& worker);

  /// A new listening socket in it, non-blocking; an old one's name is taken over.
  [[nodiscard]] tl::expected<runtime::Descriptor, std::string> listen(const std::string& worker);

  /// The path to be mounted.
  [[nodiscard]] std::string mount_source(const std::string& worker) const;

  /// The worker of this marker belongs to this slot. One write into a page that is there already:
  /// it is done whole or not at all, survives us, and needs no path.
  [[nodiscard]] static tl::expected<void, std::string> mark(const runtime::Descriptor& marker,
                                                            std::uint32_t slot);
  [[nodiscard]] std::optional<std::uint32_t> marked(const std::string& worker) const;

  /// The release has arrived: nobody has to find the socket again. Until this, a marked worker may
  /// still be held, since the agent can die between marking and sending.
  void forget_socket(const std::string& worker);
  [[nodiscard]] bool has_socket(const std::string& worker) const;

  /// Removes all of it; absent is fine.
  void remove(const std::string& worker);

  [[nodiscard]] std::vector<std::string> present() const;

 private:
  [[nodiscard]] tl::expected<void, std::string> open_root();
  [[nodiscard]] tl::expected<void, std::string> make_parts(const std::string& worker);
  [[nodiscard]] tl::expected<Marker, std::string> open_marker(const std::string& worker);
  [[nodiscard]] std::string fault(const std::string& worker, const char* doing) const;

  std::string root_;
  runtime::Descriptor root_dir_;
};

}  // namespace mayfly::gate
