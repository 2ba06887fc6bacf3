// Brings an image archive into the daemon: load, and give what came the name that is asked for.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/docker/backend.h"
#include "runtime/docker/images/names.h"
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

  LoadCall(Backend& backend, std::string file, std::optional<std::string> name,
           runtime::Done<Images> done)
      : backend_(backend), file_(std::move(file)), name_(std::move(name)), done_(std::move(done)) {}
  void begin() override;

 private:
  void take_names(http::Reply reply);
  void look_at_next();
  void take_image(http::Reply reply);
  void give_name();
  void drop_next_name();
  void refuse(const std::string& why);
  void finish(runtime::Result<Images> result);

  Backend& backend_;
  std::string file_;
  std::optional<std::string> name_;
  runtime::Done<Images> done_;
  std::vector<std::string> loaded_;
  std::vector<std::string> to_look_at_;
  std::vector<std::string> to_drop_;
  std::optional<LocalImage> image_;  ///< the one that gets the name
  Images images_;
};

}  // namespace mayfly::docker
