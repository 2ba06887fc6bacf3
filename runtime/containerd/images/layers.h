// The directories of an image's layers, looked at as an overlay of them would look, without
// mounting anything. Symbolic links lead nowhere but into the image.
#pragma once

#include <string>
#include <vector>

#include "runtime/containerd/images/view.h"
#include "runtime/descriptor.h"

namespace mayfly::containerd {

/// The uppermost first; none where the file system is made of something else than directories.
[[nodiscard]] std::vector<std::string> directories_of(const Mounts& mounts);

class Layers {
 public:
  /// One that cannot be opened makes all of them empty.
  explicit Layers(const std::vector<std::string>& directories);

  /// What the image has at this path, opened for reading; empty for anything but a plain file. That
  /// a layer put an empty directory in the place of a full one goes unseen: the mark of that is
  /// shown to CAP_SYS_ADMIN alone.
  [[nodiscard]] runtime::Descriptor open(const std::string& path) const;

 private:
  std::vector<runtime::Descriptor> roots_;
};

}  // namespace mayfly::containerd
