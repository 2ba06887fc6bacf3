#include "runtime/containerd/images/images.h"

#include <boost/asio/post.hpp>
#include <memory>

#include "runtime/containerd/images/image_store.h"
#include "runtime/containerd/images/import.h"

namespace mayfly::containerd {
namespace {

constexpr std::size_t kPreparedMax = 256;

}  // namespace

Images::Images(boost::asio::io_context& loop, Errands& errands, const Options& options)
    : loop_(loop), errands_(errands), options_(options) {}

template <class T>
void Images::run(std::function<runtime::Result<T>(ImageStore&)> work, Done<T> done) {
  const auto errand = [work = std::move(work), done, snapshotter = options_.snapshotter,
                       owned = options_.owned](WaitingApi& api) -> Errands::Tell {
    ImageStore store(api, snapshotter, owned);
    return [done, result = work(store)] { done(result); };
  };
  if (errands_.run(errand)) return;
  boost::asio::post(loop_, [done] {
    done(tl::unexpected(
        runtime::Fault{runtime::FaultKind::kFailed, "too much work on images is waiting"}));
  });
}

void Images::prepare(const std::string& name, Done<PreparedImage> done) {
  auto& askers = waiting_[name];
  askers.push_back(std::move(done));
  if (askers.size() > 1) return;
  run<PreparedImage>([name](ImageStore& store) { return store.prepare(name); },
                     [this, name](runtime::Result<PreparedImage> result) { keep(name, result); });
}

void Images::keep(const std::string& name, const runtime::Result<PreparedImage>& result) {
  if (result) {
    if (prepared_.size() >= kPreparedMax)
      prepared_.clear();  // they are prepared again when asked for
    prepared_.insert_or_assign(result->image.digest, *result);
  }
  const auto askers = waiting_.extract(name);
  const std::weak_ptr alive = alive_;
  for (const auto& tell : askers.mapped()) {
    if (alive.expired()) return;
    tell(result);
  }
}

void Images::import(const std::string& file, const std::optional<std::string>& name,
                    Done<std::vector<runtime::Image>> done) {
  run<std::vector<runtime::Image>>(
      [file, name](ImageStore& store) { return import_archive(store, file, name); },
      std::move(done));
}

void Images::list(Done<std::vector<runtime::Image>> done) {
  run<std::vector<runtime::Image>>([](ImageStore& store) { return store.list(); }, std::move(done));
}

void Images::clear_up() {
  run<std::monostate>([](ImageStore& store) { return store.drop_old_leases(); },
                      [](const auto&) {});
}

const PreparedImage* Images::find(const std::string& digest) const {
  const auto found = prepared_.find(digest);
  return found == prepared_.end() ? nullptr : &found->second;
}

}  // namespace mayfly::containerd
