// The names of images in one containerd namespace: given, listed, taken away. What this node names
// carries its label; nothing else is ever renamed or removed. For an errand's thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/containerd/images/image_store.h"
#include "runtime/driver.h"

namespace mayfly::containerd {

class Records {
 public:
  template <class T>
  using Result = runtime::Result<T>;

  explicit Records(ImageStore& store) : store_(store) {}

  struct Naming {
    std::string name;  ///< in full
    Blob target;       ///< an index or a manifest
    Blob manifest;     ///< what it leads to on this platform
  };
  /// What to do where the name is there already and means something else.
  enum class Taken : std::uint8_t {
    kMove,      ///< it means the new one now, whoever gave it
    kMoveOurs,  ///< the same, but what others named stays
    kLeave,
  };
  /// Besides, the manifest gets a name of its own, "repository@digest": the image stays when its
  /// tag moves on, until it is removed.
  Result<std::monostate> name(const Naming& naming, Taken taken);

  /// Names by digest are left out where the image has another.
  Result<std::vector<runtime::Image>> list();

  /// Faults: kNotFound, kRefused (a container of ours needs it, or others named it), kFailed,
  /// kUnknown.
  Result<std::monostate> remove(const runtime::ImageWanted& wanted);

 private:
  struct Record {
    std::string name;
    std::string repository;  ///< "" where the name is no reference
    bool by_digest = false;  ///< it names no tag
    bool ours = false;
    runtime::Image image;
  };
  Result<std::vector<Record>> read_all();
  Result<std::monostate> put(const std::string& name, const Blob& target, Taken taken);
  Result<std::monostate> move(const wire::Image& image, Taken taken);
  Result<std::monostate> remove_all(const std::vector<Record>& records);
  Result<bool> is_used(const std::string& digest);
  [[nodiscard]] std::string label() const;
  [[nodiscard]] bool is_ours(const wire::Image& image) const;

  ImageStore& store_;
};

}  // namespace mayfly::containerd
