// Brings an image archive into the daemon: read it, load it, and give what came the name that is
// asked for.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/docker/backend.h"
#include "runtime/docker/images/names.h"
#include "runtime/docker/images/readers.h"
#include "runtime/driver.h"

namespace mayfly::docker {

struct Loaded {
  std::vector<std::string> names;  ///< or an id, of what has no name
  std::string fault;               ///< in one line; may come after a status of 200
};

/// The lines of POST /images/load.
[[nodiscard]] Loaded read_loaded(std::string_view body);

class LoadCall final : public runtime::Operation {
 public:
  using Images = std::vector<runtime::Image>;
  struct Asked {
    std::string file;
    std::optional<std::string> name;
  };

  /// Borrows `readers`, which must end before this does.
  LoadCall(Backend& backend, Readers& readers, Asked asked, runtime::Done<Images> done)
      : backend_(backend), readers_(readers), asked_(std::move(asked)), done_(std::move(done)) {}
  void begin() override;

 private:
  /// A name that the archive carries and nobody asked for, and the image that had it before.
  struct Carried {
    std::string name;
    std::string id;  ///< "" = none
  };

  void look_at_carried();
  void load();
  void take_names(http::Reply reply);
  void look_at_next();
  void take_image(http::Reply reply);
  void give_name();
  [[nodiscard]] bool takes_digests_along(const registry::Reference& name) const;
  void give_back_next();
  void tag(const std::string& id, const registry::Reference& as, Engine::Done done);
  void refuse(const std::string& why);
  void finish(runtime::Result<Images> result);

  Backend& backend_;
  Readers& readers_;
  Asked asked_;
  runtime::Done<Images> done_;
  std::string preface_;
  std::vector<std::string> to_ask_for_;
  std::vector<Carried> carried_;
  std::vector<std::string> to_look_at_;
  std::optional<LocalImage> image_;  ///< the one that gets the name
  Images images_;
};

}  // namespace mayfly::docker
