#include "runtime/containerd/images/images.h"

#include <boost/asio/post.hpp>
#include <memory>

#include "runtime/containerd/images/image_store.h"
#include "runtime/containerd/images/import.h"
#include "runtime/containerd/images/lease.h"
#include "runtime/containerd/images/progress.h"
#include "runtime/containerd/images/pull.h"
#include "runtime/containerd/images/records.h"
#include "runtime/oci/image.h"
#include "runtime/registry/reference.h"

namespace mayfly::containerd {
namespace {

using runtime::FaultKind;
using runtime::ImageWanted;
using runtime::Pull;
using runtime::Result;

constexpr std::size_t kPreparedMax = 256;

/// What an image is looked for by among those that are here.
const std::string& name_here(const ImageWanted& wanted) {
  return wanted.digest.empty() ? wanted.name : wanted.digest;
}

bool may_be_pulled(const ImageWanted& wanted) {
  return wanted.pull != Pull::kNever && !oci::is_digest(wanted.name) && !wanted.name.empty();
}

/// What is here does not tell what the tag means now.
bool asks_first(const ImageWanted& wanted) {
  if (wanted.pull != Pull::kAlways || !wanted.digest.empty() || !may_be_pulled(wanted))
    return false;
  const auto reference = registry::parse_reference(wanted.name);
  return reference && reference->digest.empty();
}

}  // namespace

Images::Images(boost::asio::io_context& loop, Errands& errands, Errands::Options pull_errands,
               const Options& options)
    : loop_(loop),
      errands_(errands),
      options_(options),
      run_(random_word()),
      pull_shared_(std::make_shared<PullShared>()),
      pull_errands_(loop, std::move(pull_errands)),
      resolver_(loop, options.registries) {
  pull_shared_->registries = options.registries;
  pull_shared_->patience = options.patience;
}

Images::~Images() = default;

template <class T>
void Images::run(Errands& errands, std::function<Result<T>(ImageStore&)> work, Done<T> done) {
  const auto errand = [work = std::move(work), done,
                       place = ImageStore::Place{options_.snapshotter, options_.owned, run_}](
                          WaitingApi& api) -> Errands::Tell {
    ImageStore store(api, place);
    return [done, result = work(store)] { done(result); };
  };
  if (errands.run(errand)) return;
  boost::asio::post(loop_, [done, alive = std::weak_ptr(alive_)] {
    if (alive.expired()) return;
    done(tl::unexpected(runtime::Fault{FaultKind::kFailed, "too much work on images is waiting"}));
  });
}

void Images::prepare(const ImageWanted& wanted, Done<PreparedImage> done) {
  const auto key =
      wanted.name + " " + wanted.digest + " " + std::to_string(static_cast<int>(wanted.pull));
  auto& job = jobs_[key];
  job.askers.push_back(std::move(done));
  if (job.askers.size() > 1) return;
  job.wanted = wanted;
  if (asks_first(wanted)) return pull(key);
  prepare_here(key);
}

void Images::prepare_here(const Key& key) {
  const auto name = name_here(jobs_.at(key).wanted);
  run<PreparedImage>(
      errands_, [name](ImageStore& store) { return store.prepare(name); },
      [this, key](Result<PreparedImage> result) {
        const bool missing = !result && result.error().kind == FaultKind::kNotFound;
        if (missing && may_be_pulled(jobs_.at(key).wanted)) return pull(key);
        finish(key, std::move(result));
      });
}

void Images::pull(const Key& key) {
  auto& job = jobs_.at(key);
  job.progress = std::make_shared<Progress>(job.wanted.name);
  run<PreparedImage>(
      pull_errands_,
      [shared = pull_shared_, wanted = job.wanted, progress = job.progress](ImageStore& store) {
        return pull_image(store, *shared, wanted, *progress);
      },
      [this, key](Result<PreparedImage> result) { finish(key, std::move(result)); });
}

void Images::finish(const Key& key, Result<PreparedImage> result) {
  const auto job = jobs_.extract(key);
  if (result) {
    result->image.name = job.mapped().wanted.name;
    // Those that are left out are prepared again when asked for.
    if (prepared_.size() >= kPreparedMax) prepared_.clear();
    prepared_.insert_or_assign(result->image.digest, *result);
  }
  const std::weak_ptr alive = alive_;
  for (const auto& tell : job.mapped().askers) {
    if (alive.expired()) return;
    tell(result);
  }
}

std::vector<runtime::Pulling> Images::pulls() const {
  std::vector<runtime::Pulling> pulls;
  for (const auto& [key, job] : jobs_) {
    if (job.progress) pulls.push_back(job.progress->now());
  }
  return pulls;
}

void Images::resolve(const ImageWanted& wanted, Done<runtime::Image> done) {
  if (!asks_first(wanted)) return resolve_here(wanted, std::move(done));
  ask_registry(wanted, [this, wanted, done = std::move(done)](Result<runtime::Image> asked) {
    const bool here_serves = !asked && (asked.error().kind == FaultKind::kFailed ||
                                        asked.error().kind == FaultKind::kNotFound);
    if (!here_serves) return done(std::move(asked));
    auto here = wanted;
    here.pull = Pull::kNever;
    resolve_here(here, [asked, done](Result<runtime::Image> found) {
      done(found ? std::move(found) : asked);
    });
  });
}

void Images::resolve_here(const ImageWanted& wanted, Done<runtime::Image> done) {
  run<runtime::Image>(
      errands_, [name = name_here(wanted)](ImageStore& store) { return store.look_up(name); },
      [this, wanted, done = std::move(done)](Result<runtime::Image> found) {
        const bool missing = !found && found.error().kind == FaultKind::kNotFound;
        if (missing && may_be_pulled(wanted)) return ask_registry(wanted, done);
        if (found) found->name = wanted.name;
        done(std::move(found));
      });
}

void Images::ask_registry(const ImageWanted& wanted, Done<runtime::Image> done) {
  auto name = wanted.name;
  auto reference = registry::parse_reference(name);
  if (reference && !wanted.digest.empty()) {
    reference->digest = wanted.digest;
    name = reference->text();
  }
  resolver_.resolve(
      name, [asked_for = wanted.name, done = std::move(done)](Result<registry::Found> found) {
        done(std::move(found).map([&](const registry::Found& image) {
          return runtime::Image{asked_for, image.digest, image.size_bytes};
        }));
      });
}

void Images::remove(const ImageWanted& wanted, Done<std::monostate> done) {
  run<std::monostate>(
      errands_, [wanted](ImageStore& store) { return Records(store).remove(wanted); },
      [this, done = std::move(done)](Result<std::monostate> removed) {
        // Which of them it was only containerd knows.
        if (removed) prepared_.clear();
        done(std::move(removed));
      });
}

void Images::import(const std::string& file, const std::optional<std::string>& name,
                    Done<std::vector<runtime::Image>> done) {
  run<std::vector<runtime::Image>>(
      errands_, [file, name](ImageStore& store) { return import_archive(store, file, name); },
      std::move(done));
}

void Images::list(Done<std::vector<runtime::Image>> done) {
  run<std::vector<runtime::Image>>(
      errands_, [](ImageStore& store) { return Records(store).list(); }, std::move(done));
}

void Images::clear_up() {
  run<std::monostate>(
      errands_, [](ImageStore& store) { return end_old_leases(store); }, [](const auto&) {});
}

const PreparedImage* Images::find(const std::string& digest) const {
  const auto found = prepared_.find(digest);
  return found == prepared_.end() ? nullptr : &found->second;
}

}  // namespace mayfly::containerd
