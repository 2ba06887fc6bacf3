#include "runtime/containerd/images/image_store.h"
#include "runtime/containerd/images/images.h"

namespace mayfly::containerd {

void Images::import(const std::string&, const std::optional<std::string>&,
                    Done<std::vector<runtime::Image>> done) {
  run<std::vector<runtime::Image>>(
      [](ImageStore&) -> runtime::Result<std::vector<runtime::Image>> {
        return tl::unexpected(
            runtime::Fault{runtime::FaultKind::kRefused, "importing is not built yet"});
      },
      std::move(done));
}

}  // namespace mayfly::containerd
