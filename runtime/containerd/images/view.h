// A look into an image's files, without leaving a mount behind whatever happens.
#pragma once

#include <google/protobuf/repeated_field.h>

#include "runtime/containerd/containerd.pb.h"
#include "runtime/oci/accounts.h"

namespace mayfly::containerd {

using Mounts = google::protobuf::RepeatedPtrField<wire::Mount>;

/// etc/passwd and etc/group of the file system that these mounts make. What cannot be read, or is
/// not an ordinary small file, is empty. Where mounting is not permitted, the layers are looked at.
[[nodiscard]] oci::Accounts accounts_in(const Mounts& mounts);

}  // namespace mayfly::containerd
