// One pull by the daemon, of an image by its digest: begun anew where it fails for a reason that
// may pass, or comes no further for too long.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/docker/backend.h"
#include "runtime/docker/events.h"
#include "runtime/docker/images/names.h"
#include "runtime/docker/images/progress.h"
#include "runtime/registry/resolver.h"

namespace mayfly::docker {

/// Owned by Images; destruction ends the daemon's pull and calls nothing back.
class Pull {
 public:
  struct Plan {
    Names names;  ///< with reference and digest
    std::string name_wanted;
    std::uint64_t size_bytes = 0;  ///< of its layers; 0 = not known
  };
  /// The image is here, or why not. May destroy the pull.
  using Done = std::function<void(runtime::Result<LocalImage>)>;

  Pull(boost::asio::io_context& loop, Backend& backend, registry::Resolver& resolver, Plan plan);
  ~Pull();
  Pull(const Pull&) = delete;
  Pull& operator=(const Pull&) = delete;

  void begin(Done done);
  [[nodiscard]] runtime::Pulling tell() const;

 private:
  void log_in();
  void ask(const std::string& authorization);
  void take(std::string_view bytes);
  void expect_progress();
  void stalled();
  void ended(const http::Reply& reply);
  void look();
  void fail(runtime::Fault fault);
  void finish(runtime::Result<LocalImage> result);

  Backend& backend_;
  registry::Resolver& resolver_;
  Plan plan_;
  Done done_;
  Progress progress_;
  Lines lines_;
  runtime::Pulling pulling_;
  std::optional<http::Client::CallId> stream_;
  boost::asio::steady_timer timer_;  ///< silence while it goes on, else the next try
  int tries_ = 0;
  std::shared_ptr<char> alive_;
};

/// The value of X-Registry-Auth.
[[nodiscard]] std::string registry_auth(const registry::Credentials& credentials,
                                        const std::string& host);

}  // namespace mayfly::docker
