// The images of this node: resolved and pulled through the driver, the ones that Mayfly brought in
// remembered, and those that no pool needs removed. Nothing else on the runtime is ever removed.
// Knows images, refuses to know pools: who needs what is asked for.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/evidence.h"
#include "agent/image_gc.h"
#include "agent/store/store.h"
#include "config/document.h"
#include "runtime/driver.h"

namespace mayfly::agent {

/// One image, with what is known of it here.
struct ListedImage {
  runtime::Image image;
  bool ours = false;           ///< brought in by Mayfly, and removed by it
  std::vector<ImageUse> uses;  ///< by current and previous revisions
  std::optional<std::int64_t> unused_ms;
};

struct CollectedImage {
  ImageRemoval removal;
  std::string fault;  ///< why it is still here; "" = gone, or in a dry run
};

class Images {
 public:
  struct Parts {
    runtime::Driver& driver;
    store::Store& store;
    Evidence& evidence;
  };
  struct Options {
    ImagePolicy policy;
    std::function<std::vector<ImageUse>()> uses;
    std::function<std::optional<files::Space>(const std::string& folder)> disk_of;
    std::chrono::milliseconds resolve_deadline{10'000};
    std::chrono::milliseconds collect_every{3'600'000};
  };
  /// All parts outlive this.
  Images(boost::asio::io_context& loop, Parts parts, Options options);

  /// Looks at what an earlier run was bringing in when it died, and from now on collects by itself.
  void start();
  void set_policy(const ImagePolicy& policy) { options_.policy = policy; }
  /// Where the runtime keeps them; "" = unknown.
  void set_storage(std::string folder) { storage_ = std::move(folder); }

  /// As the driver does, but answered within resolve_deadline: then kUnknown.
  void resolve(const runtime::ImageWanted& wanted, runtime::Done<runtime::Image> done);
  /// As the driver does; what this brings in is ours from then on.
  void prepare(const runtime::ImageWanted& wanted, runtime::Done<runtime::Image> done);
  void import(const std::string& file, const std::optional<std::string>& name,
              runtime::Done<std::vector<runtime::Image>> done);

  void list(runtime::Done<std::vector<ListedImage>> done);
  /// By name or digest. Faults: kNotFound; kRefused, where a pool needs it or it is not ours; as
  /// the driver's. Answers what was removed.
  void remove(const std::string& name, runtime::Done<std::vector<runtime::Image>> done);

  enum class Mode : std::uint8_t { kDryRun, kRemove };
  /// Fault: kFailed, while another collection is under way.
  void collect(Mode mode, runtime::Done<std::vector<CollectedImage>> done);

  [[nodiscard]] std::vector<runtime::Pulling> pulls() const { return parts_.driver.pulls(); }

 private:
  using Key = std::pair<std::string, std::string>;  ///< name, digest
  struct Preparing;
  struct Removing;

  void look_up(const std::shared_ptr<Preparing>& preparing);
  void claim(Preparing& preparing, const std::string& digest);
  void fetch(const std::shared_ptr<Preparing>& preparing);
  void prepared(const Preparing& preparing, const runtime::Result<runtime::Image>& now);
  /// Claims that nobody works on now: the image has come, or it has not.
  void settle_claims();
  void settle(const Key& key);
  [[nodiscard]] bool is_claim(const Key& key) const;
  /// False: it was known.
  bool remember(const runtime::Image& image);
  void forget(const Key& key);
  /// Sets and clears since when each is unused.
  void mark_unused();
  void count();
  void remove_next(std::shared_ptr<Removing> removing);
  void collect_later();

  Parts parts_;
  Options options_;
  /// One of no bytes is a claim: it is being brought in, or was when an earlier run died.
  std::map<Key, store::Image> ours_;
  std::multiset<Key> claims_;  ///< of this run
  std::string storage_;
  bool collecting_ = false;
  boost::asio::io_context& loop_;
  boost::asio::steady_timer timer_;
};

[[nodiscard]] runtime::Pull to_runtime(config::Pull pull);

}  // namespace mayfly::agent
