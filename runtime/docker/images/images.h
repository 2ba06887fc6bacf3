// The driver's images: which have been seen, which are being pulled, and what else is done with
// them. Used on the loop's thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/docker/backend.h"
#include "runtime/docker/images/locate.h"
#include "runtime/docker/images/pull.h"
#include "runtime/docker/images/readers.h"
#include "runtime/driver.h"
#include "runtime/registry/resolver.h"

namespace mayfly::docker {

class Images {
 public:
  template <class T>
  using Done = runtime::Done<T>;

  /// Borrows the backend, whose operations must end before this does.
  Images(boost::asio::io_context& loop, Backend& backend);

  void resolve(const runtime::ImageWanted& wanted, Done<runtime::Image> done);
  void prepare(const runtime::ImageWanted& wanted, Done<runtime::Image> done);
  [[nodiscard]] std::vector<runtime::Pulling> pulls() const;
  void remove(const runtime::ImageWanted& wanted, Done<std::monostate> done);
  void import(const std::string& file, const std::optional<std::string>& name,
              Done<std::vector<runtime::Image>> done);
  void list(Done<std::vector<runtime::Image>> done);

  /// For a container: what the daemon has under a digest that a preparation gave. Asks nobody but
  /// the daemon, and it only where this run has not seen the image yet.
  void find(const std::string& digest, const std::string& name, Done<LocalImage> done);
  /// It turned out to be gone.
  void forget(const std::string& digest) { seen_.erase(digest); }

 private:
  struct Asked {
    std::string name;
    Done<runtime::Image> done;
  };
  struct Pulled {
    std::unique_ptr<Pull> pull;
    std::vector<Asked> askers;
  };

  void pull(Located located, Asked asked);
  void pulled(const std::string& key, const Names& names, runtime::Result<LocalImage> image);
  void give_tag(const Names& names, const LocalImage& image);
  void keep(const std::string& digest, const LocalImage& image);
  void note(const Located& located);

  boost::asio::io_context& loop_;
  Backend& backend_;
  std::map<std::string, LocalImage> seen_;    ///< by digest, bounded
  std::map<std::string, std::string> meant_;  ///< name in full → digest, by the registry; bounded
  std::map<std::string, Pulled> pulls_;       ///< by what is pulled
  std::shared_ptr<char> alive_;
  // Last: they go first, and their answers with them.
  Readers readers_;
  registry::Resolver resolver_;
};

}  // namespace mayfly::docker
