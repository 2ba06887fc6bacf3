#include "agent/images.h"

#include <algorithm>
#include <deque>
#include <memory>
#include <set>

#include "agent/clock.h"
#include "agent/log.h"

namespace mayfly::agent {
namespace {

using runtime::Fault;
using runtime::FaultKind;
using runtime::Result;

/// The first answer of two: the driver's or the clock's.
struct Race {
  Race(boost::asio::io_context& loop, runtime::Done<runtime::Image> answer)
      : timer(loop), done(std::move(answer)) {}
  void finish(Result<runtime::Image> result) {
    timer.cancel();
    if (auto answer = std::exchange(done, nullptr)) answer(std::move(result));
  }
  boost::asio::steady_timer timer;
  runtime::Done<runtime::Image> done;
};

bool was_not_here(const Result<runtime::Image>& before, const runtime::Image& now) {
  if (before) return before->digest != now.digest;
  return before.error().kind == FaultKind::kNotFound;
}

std::string users(const std::vector<ImageUse>& uses) {
  std::string text;
  for (const ImageUse& use : uses) {
    text += (text.empty() ? "" : ", ") + use.pool + " (revision " + std::to_string(use.revision) +
            (use.role == UseRole::kCurrent ? ")" : ", the one before)");
  }
  return text;
}

std::vector<ImageUse> uses_of(const std::vector<ImageUse>& uses, const store::Image& image) {
  std::vector<ImageUse> found;
  std::copy_if(uses.begin(), uses.end(), std::back_inserter(found),
               [&](const ImageUse& use) { return uses_image(use, image); });
  return found;
}

runtime::Image image_of(const store::Image& image) {
  return {image.name, image.digest, image.size_bytes};
}

}  // namespace

struct Images::Preparing {
  runtime::ImageWanted wanted;
  runtime::Done<runtime::Image> done;
  Result<runtime::Image> before;  ///< what was here
  std::optional<Key> claim;
};

/// A run over some of ours, one after the other.
struct Images::Removing {
  std::deque<ImageRemoval> left;
  std::vector<CollectedImage> done;
  std::function<void(std::vector<CollectedImage>)> answer;
};

runtime::Pull to_runtime(config::Pull pull) {
  switch (pull) {
    case config::Pull::kMissing:
      return runtime::Pull::kMissing;
    case config::Pull::kAlways:
      return runtime::Pull::kAlways;
    case config::Pull::kNever:
      return runtime::Pull::kNever;
  }
  return runtime::Pull::kMissing;
}

Images::Images(boost::asio::io_context& loop, Parts parts, Options options)
    : parts_(parts), options_(std::move(options)), loop_(loop), timer_(loop) {
  for (const store::Image& image : parts_.store.loaded().images) {
    ours_.emplace(Key{image.name, image.digest}, image);
  }
  count();
}

void Images::start() {
  settle_claims();
  collect_later();
}

void Images::collect_later() {
  timer_.expires_after(options_.collect_every);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    settle_claims();
    collect(Mode::kRemove, [](const Result<std::vector<CollectedImage>>&) {});
    collect_later();
  });
}

// ---- bringing in ----------------------------------------------------------------------------

void Images::resolve(const runtime::ImageWanted& wanted, runtime::Done<runtime::Image> done) {
  const auto race = std::make_shared<Race>(loop_, std::move(done));
  race->timer.expires_after(options_.resolve_deadline);
  race->timer.async_wait([race](const boost::system::error_code& error) {
    if (error) return;
    race->finish(tl::unexpected(Fault{FaultKind::kUnknown, "the registry did not answer in time"}));
  });
  parts_.driver.resolve_image(
      wanted, [race](Result<runtime::Image> image) { race->finish(std::move(image)); });
}

void Images::prepare(const runtime::ImageWanted& wanted, runtime::Done<runtime::Image> done) {
  const auto preparing = std::make_shared<Preparing>();
  preparing->wanted = wanted;
  preparing->done = std::move(done);
  // What is here before is somebody else's, as far as we know: others may share the runtime.
  runtime::ImageWanted here = wanted;
  here.pull = runtime::Pull::kNever;
  parts_.driver.resolve_image(here, [this, preparing](Result<runtime::Image> before) {
    preparing->before = std::move(before);
    look_up(preparing);
  });
}

/// What will come in is put down before it does: a daemon that dies meanwhile knows it as its own.
void Images::look_up(const std::shared_ptr<Preparing>& preparing) {
  const runtime::ImageWanted& wanted = preparing->wanted;
  const bool is_here = preparing->before && wanted.pull != runtime::Pull::kAlways;
  if (is_here || wanted.pull == runtime::Pull::kNever) return fetch(preparing);
  const auto claim_new = [this, preparing](const Result<runtime::Image>& image) {
    if (image && was_not_here(preparing->before, *image)) claim(*preparing, image->digest);
    fetch(preparing);
  };
  if (!wanted.digest.empty()) return claim_new(runtime::Image{wanted.name, wanted.digest, 0});
  parts_.driver.resolve_image(wanted, claim_new);
}

void Images::claim(Preparing& preparing, const std::string& digest) {
  const Key key{preparing.wanted.name, digest};
  if (ours_.contains(key) ? !is_claim(key) : ours_.size() >= store::kImagesKept) return;
  preparing.claim = key;
  claims_.insert(key);
  const store::Image row{key.first, key.second, 0, unix_ms_now(), std::nullopt};
  if (ours_.emplace(key, row).second) parts_.store.put_image(row, [](bool) {});
}

void Images::fetch(const std::shared_ptr<Preparing>& preparing) {
  parts_.driver.prepare_image(preparing->wanted, [this, preparing](Result<runtime::Image> now) {
    prepared(*preparing, now);
    preparing->done(std::move(now));
  });
}

void Images::prepared(const Preparing& preparing, const Result<runtime::Image>& now) {
  ImageCounters& counters = parts_.evidence.images;
  if (now) {
    const bool fetched = was_not_here(preparing.before, *now);
    const bool known = std::any_of(ours_.begin(), ours_.end(), [&](const auto& each) {
      return each.first.second == now->digest && !is_claim(each.first);
    });
    const bool claimed = is_claim({now->name, now->digest});  // by one that failed half-way, too
    // Of several askers of one pull the first counts it.
    if ((fetched || known || claimed) && remember(*now) && fetched) {
      ++counters.pulled;
      counters.pulled_bytes += now->size_bytes;
    }
  } else {
    ++counters.failed;
  }
  if (const auto& claim = preparing.claim) {
    claims_.erase(claims_.find(*claim));
    if (!now) settle(*claim);
  }
  if (now) mark_unused();
}

bool Images::is_claim(const Key& key) const {
  const auto found = ours_.find(key);
  return found != ours_.end() && found->second.size_bytes == 0;
}

void Images::settle_claims() {
  for (const auto& [key, image] : ours_) settle(key);
}

/// What failed may have come half-way: an image that is here and cannot be used.
void Images::settle(const Key& key) {
  const auto is_open = [this, key] { return is_claim(key) && !claims_.contains(key); };
  if (!is_open()) return;
  parts_.driver.resolve_image({key.first, key.second, runtime::Pull::kNever},
                              [this, key, is_open](const Result<runtime::Image>& found) {
                                if (!is_open()) return;
                                if (found) {
                                  (void)remember({key.first, key.second, found->size_bytes});
                                } else if (found.error().kind == FaultKind::kNotFound) {
                                  forget(key);
                                }
                                mark_unused();
                              });
}

void Images::import(const std::string& file, const std::optional<std::string>& name,
                    runtime::Done<std::vector<runtime::Image>> done) {
  parts_.driver.import_image(
      file, name, [this, done = std::move(done)](Result<std::vector<runtime::Image>> images) {
        if (images) {
          for (const runtime::Image& image : *images) (void)remember(image);
          mark_unused();
        }
        done(std::move(images));
      });
}

bool Images::remember(const runtime::Image& image) {
  const Key key{image.name, image.digest};
  const bool is_claimed = is_claim(key);
  if (ours_.contains(key) && !is_claimed) return false;
  if (!is_claimed && ours_.size() >= store::kImagesKept) {
    log::warning("too many images to remember: this one will not be collected",
                 {{"image", image.name}});
    return true;
  }
  const store::Image row{image.name, image.digest, image.size_bytes, unix_ms_now(), std::nullopt};
  ours_.insert_or_assign(key, row);
  parts_.store.put_image(row, [](bool) {});
  count();
  return true;
}

// ---- what is here ---------------------------------------------------------------------------

void Images::mark_unused() {
  const std::vector<ImageUse> uses = options_.uses();
  for (auto& [key, image] : ours_) {
    const bool used = !uses_of(uses, image).empty();
    if (used != image.unused_ms.has_value()) continue;
    image.unused_ms = used ? std::nullopt : std::optional(unix_ms_now());
    parts_.store.put_image(image, [](bool) {});
  }
}

void Images::count() {
  ImageCounters& counters = parts_.evidence.images;
  std::map<std::string, std::uint64_t> sizes;  // several names may be of one image
  for (const auto& [key, image] : ours_) {
    if (!is_claim(key)) sizes[image.digest] = image.size_bytes;
  }
  counters.kept = sizes.size();
  counters.kept_bytes = 0;
  for (const auto& [digest, size] : sizes) counters.kept_bytes += size;
}

void Images::list(runtime::Done<std::vector<ListedImage>> done) {
  parts_.driver.list_images(
      [this, done = std::move(done)](const Result<std::vector<runtime::Image>>& images) {
        if (!images) return done(tl::unexpected(images.error()));
        mark_unused();
        const std::vector<ImageUse> uses = options_.uses();
        std::vector<ListedImage> rows;
        for (const runtime::Image& image : *images) {
          const store::Image row{image.name, image.digest, 0, 0, std::nullopt};
          ListedImage listed{image, false, uses_of(uses, row), std::nullopt};
          const auto found = std::find_if(ours_.begin(), ours_.end(), [&](const auto& each) {
            return each.first.second == image.digest;  // its name may be spelled otherwise
          });
          listed.ours = found != ours_.end();
          if (listed.ours) listed.unused_ms = found->second.unused_ms;
          rows.push_back(std::move(listed));
        }
        done(std::move(rows));
      });
}

// ---- removing -------------------------------------------------------------------------------

void Images::forget(const Key& key) {
  const auto row = ours_.extract(key);
  if (row) parts_.store.drop_image(row.mapped(), [](bool) {});
  count();
}

void Images::remove(const std::string& name, runtime::Done<std::vector<runtime::Image>> done) {
  const std::vector<ImageUse> uses = options_.uses();
  const auto removing = std::make_shared<Removing>();
  for (const auto& [key, image] : ours_) {
    if (image.name != name && image.digest != name) continue;
    const std::vector<ImageUse> needed = uses_of(uses, image);
    if (!needed.empty()) {
      return done(tl::unexpected(
          Fault{FaultKind::kRefused, "image " + name + " is needed by " + users(needed)}));
    }
    removing->left.push_back({image, "asked for"});
  }
  if (removing->left.empty()) {
    return done(tl::unexpected(
        Fault{FaultKind::kNotFound, "Mayfly brought in no image " + name +
                                        "; what others brought in is not Mayfly's to remove"}));
  }
  removing->answer = [done = std::move(done)](const std::vector<CollectedImage>& images) {
    std::vector<runtime::Image> gone;
    for (const CollectedImage& image : images) {
      if (!image.fault.empty()) {
        return done(tl::unexpected(Fault{FaultKind::kRefused, image.fault}));
      }
      gone.push_back(image_of(image.removal.image));
    }
    done(std::move(gone));
  };
  remove_next(removing);
}

void Images::collect(Mode mode, runtime::Done<std::vector<CollectedImage>> done) {
  if (collecting_) {
    return done(tl::unexpected(Fault{FaultKind::kFailed, "images are being collected already"}));
  }
  mark_unused();
  std::vector<store::Image> images;
  for (const auto& [key, image] : ours_) images.push_back(image);
  auto removals = choose_removals(std::move(images), options_.policy, unix_ms_now(),
                                  options_.disk_of(storage_));
  if (mode == Mode::kDryRun) {
    std::vector<CollectedImage> rows;
    for (ImageRemoval& removal : removals) rows.push_back({std::move(removal), ""});
    return done(std::move(rows));
  }
  collecting_ = true;
  const auto removing = std::make_shared<Removing>();
  removing->left.assign(removals.begin(), removals.end());
  removing->answer = [this, done = std::move(done)](std::vector<CollectedImage> rows) {
    collecting_ = false;
    done(std::move(rows));
  };
  remove_next(removing);
}

void Images::remove_next(std::shared_ptr<Removing> removing) {
  if (removing->left.empty()) return removing->answer(std::move(removing->done));
  ImageRemoval next = std::move(removing->left.front());
  removing->left.pop_front();
  const store::Image& image = next.image;
  if (const auto needed = uses_of(options_.uses(), image); !needed.empty()) {
    removing->done.push_back({next, "it is needed now by " + users(needed)});
    return remove_next(removing);
  }
  parts_.driver.remove_image(
      {image.name, image.digest, runtime::Pull::kNever},
      [this, removing, next](const Result<std::monostate>& removed) {
        CollectedImage row{next, removed ? "" : removed.error().what};
        if (!removed && removed.error().kind == FaultKind::kNotFound) row.fault.clear();
        if (row.fault.empty()) {
          log::info("image removed", {{"image", next.image.name}, {"why", next.why}});
          forget({next.image.name, next.image.digest});
          ++parts_.evidence.images.removed;
        } else {
          log::warning("image not removed", {{"image", next.image.name}, {"error", row.fault}});
        }
        removing->done.push_back(std::move(row));
        remove_next(removing);
      });
}

}  // namespace mayfly::agent
