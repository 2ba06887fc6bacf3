// The loop's side of images: what has been prepared, what is being prepared, and the errands that
// do it. Used on the loop's thread.
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

namespace mayfly::containerd {

class ImageStore;

class Images {
 public:
  template <class T>
  using Done = runtime::Done<T>;

  /// Borrows `errands`, which must end before this does.
  Images(boost::asio::io_context& loop, Errands& errands, const Options& options);

  /// Several askers of one name share one errand.
  void prepare(const std::string& name, Done<PreparedImage> done);
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
  template <class T>
  void run(std::function<runtime::Result<T>(ImageStore&)> work, Done<T> done);
  void keep(const std::string& name, const runtime::Result<PreparedImage>& result);

  boost::asio::io_context& loop_;
  Errands& errands_;
  Options options_;
  std::map<std::string, PreparedImage> prepared_;                    ///< by digest, bounded
  std::map<std::string, std::vector<Done<PreparedImage>>> waiting_;  ///< by name
  std::shared_ptr<char> alive_ = std::make_shared<char>();           ///< an asker may destroy us
};

}  // namespace mayfly::containerd
