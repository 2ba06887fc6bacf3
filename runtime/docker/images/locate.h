// Finds out which image a wanted one is now: among those that the daemon has, else at its registry.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/docker/backend.h"
#include "runtime/docker/images/names.h"
#include "runtime/driver.h"
#include "runtime/registry/resolver.h"

namespace mayfly::docker {

struct Located {
  Names names;  ///< with the digest
  std::uint64_t size_bytes = 0;
  std::optional<LocalImage> here;
  bool is_asked = false;  ///< the registry says so, just now
};

class Locate final : public runtime::Operation {
 public:
  /// What the registry is asked, apart from what wanted.pull forbids.
  enum class Asks : std::uint8_t {
    kNothing,
    kMeanings,  ///< what a name means; an image that is named by its digest is only looked for here
    kAll,
  };
  struct Registry {
    registry::Resolver* resolver = nullptr;  ///< null with kNothing
    Asks asks = Asks::kNothing;
  };

  Locate(Backend& backend, Registry registry, runtime::ImageWanted wanted,
         runtime::Done<Located> done)
      : backend_(backend),
        registry_(registry),
        wanted_(std::move(wanted)),
        done_(std::move(done)) {}
  void begin() override;

 private:
  void look();
  void judge(http::Reply reply);
  void search(http::Reply reply);
  void found(LocalImage image);
  void not_here();
  void ask_registry();
  void asked(runtime::Result<registry::Found> found);
  void look_for_what_it_means();

  void finish_with(const LocalImage& image);
  void finish(runtime::Result<Located> result);

  Backend& backend_;
  Registry registry_;
  runtime::ImageWanted wanted_;
  runtime::Done<Located> done_;
  Located located_;
  std::vector<std::string> to_try_;  ///< the next one last
};

}  // namespace mayfly::docker
