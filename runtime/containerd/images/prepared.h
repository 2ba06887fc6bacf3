// An image that containers can be made of: its snapshot chain is there, and all that a spec needs
// of it has been read.
#pragma once

#include <string>

#include "runtime/driver.h"
#include "runtime/oci/accounts.h"
#include "runtime/oci/image.h"

namespace mayfly::containerd {

struct PreparedImage {
  runtime::Image image;
  oci::ImageConfig config;
  oci::Accounts accounts;
  std::string chain_id;  ///< the snapshot of its topmost layer; "" for an image without layers
};

}  // namespace mayfly::containerd
