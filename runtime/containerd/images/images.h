// The loop's side of images: what has been prepared, what is being prepared or pulled, and the
// errands that do it. Used on the loop's thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/containerd/containerd.h"
#include "runtime/containerd/errand.h"
#include "runtime/containerd/images/prepared.h"
#include "runtime/driver.h"
#include "runtime/registry/resolver.h"

namespace mayfly::containerd {

class ImageStore;
class Progress;
struct PullShared;

class Images {
 public:
  template <class T>
  using Done = runtime::Done<T>;

  /// Borrows `errands`, which must end before this does. Pulls have threads of their own: what is
  /// here is ready at once, however long a registry takes.
  Images(boost::asio::io_context& loop, Errands& errands, Errands::Options pull_errands,
         const Options& options);
  ~Images();

  /// As the driver's of these names.
  void prepare(const runtime::ImageWanted& wanted, Done<PreparedImage> done);
  void resolve(const runtime::ImageWanted& wanted, Done<runtime::Image> done);
  [[nodiscard]] std::vector<runtime::Pulling> pulls() const;
  void remove(const runtime::ImageWanted& wanted, Done<std::monostate> done);
  void import(const std::string& file, const std::optional<std::string>& name,
              Done<std::vector<runtime::Image>> done);
  void list(Done<std::vector<runtime::Image>> done);
  /// Of what an earlier run was in the middle of when it died. Nobody waits for it.
  void clear_up();

  /// By the digest that a preparation gave. Null: not prepared in this run, or forgotten.
  [[nodiscard]] const PreparedImage* find(const std::string& digest) const;
  /// Its snapshots turned out to be gone: it is to be prepared anew.
  void forget(const std::string& digest) { prepared_.erase(digest); }

 private:
  /// What askers share: one errand for all that want the same.
  struct Job {
    runtime::ImageWanted wanted;
    std::vector<Done<PreparedImage>> askers;
    std::shared_ptr<Progress> progress;  ///< of a pull
  };
  using Key = std::string;

  template <class T>
  void run(Errands& errands, std::function<runtime::Result<T>(ImageStore&)> work, Done<T> done);
  void prepare_here(const Key& key);
  void pull(const Key& key);
  void finish(const Key& key, runtime::Result<PreparedImage> result);
  void resolve_here(const runtime::ImageWanted& wanted, Done<runtime::Image> done);
  void ask_registry(const runtime::ImageWanted& wanted, Done<runtime::Image> done);

  boost::asio::io_context& loop_;
  Errands& errands_;
  Options options_;
  std::string run_;
  std::shared_ptr<PullShared> pull_shared_;
  Errands pull_errands_;
  registry::Resolver resolver_;
  std::map<std::string, PreparedImage> prepared_;  ///< by digest, bounded
  std::map<Key, Job> jobs_;
  std::shared_ptr<char> alive_ = std::make_shared<char>();  ///< an asker may destroy us
};

}  // namespace mayfly::containerd
