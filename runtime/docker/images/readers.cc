#include "runtime/docker/images/readers.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <fstream>
#include <utility>

#include "runtime/archive/look.h"
#include "runtime/archive/plan.h"
#include "runtime/archive/preface.h"

namespace mayfly::docker {
namespace {

constexpr std::size_t kReadersMax = 2;
constexpr std::size_t kWaitingMax = 64;
constexpr std::size_t kTarMagicAt = 257;

/// Nothing can be put before a compressed one.
bool is_plain_tar(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::string magic(5, '\0');
  in.seekg(kTarMagicAt).read(magic.data(), static_cast<std::streamsize>(magic.size()));
  return in && magic == "ustar";
}

tl::expected<LoadPlan, std::string> plan(const std::string& file,
                                         const std::optional<std::string>& name,
                                         const std::atomic<bool>& stopped) {
  const auto contents = archive::look(file, [&stopped] { return stopped.load(); });
  if (!contents) return tl::unexpected(contents.error());
  const auto images = archive::plan_import(*contents, name);
  if (!images) return tl::unexpected(images.error());
  LoadPlan plan;
  const bool is_layout = !contents->documents.contains("manifest.json");
  if (is_layout) {
    if (is_plain_tar(file)) plan.preface = archive::docker_preface(*images);
    return plan;
  }
  if (!name) return plan;
  if (const auto own = archive::plan_import(*contents, {})) {
    for (const auto& image : *own) {
      plan.carried.insert(plan.carried.end(), image.names.begin(), image.names.end());
    }
    std::erase(plan.carried, images->front().names.front());
  }
  return plan;
}

}  // namespace

Readers::Readers(boost::asio::io_context& loop) : loop_(loop), alive_(std::make_shared<char>()) {}

Readers::~Readers() {
  for (auto& reader : readers_) reader.stopped = true;
  for (auto& reader : readers_) reader.thread.join();
}

void Readers::read(const std::string& file, const std::optional<std::string>& name, Done done) {
  Waiting work{file, name, std::move(done)};
  if (readers_.size() < kReadersMax) return start(std::move(work));
  if (waiting_.size() < kWaitingMax) return waiting_.push_back(std::move(work));
  boost::asio::post(loop_, [alive = std::weak_ptr(alive_), done = std::move(work.done)] {
    if (!alive.expired()) done(tl::unexpected(std::string("too many imports are waiting")));
  });
}

void Readers::start(Waiting work) {
  auto& reader = readers_.emplace_back();
  reader.thread = std::thread(
      [this, &reader, &loop = loop_, alive = std::weak_ptr(alive_), work = std::move(work)] {
        auto planned = plan(work.file, work.name, reader.stopped);
        boost::asio::post(
            loop, [this, &reader, alive, done = work.done, planned = std::move(planned)]() mutable {
              if (alive.expired()) return;
              ended(&reader);
              done(std::move(planned));
            });
      });
}

void Readers::ended(const Reader* reader) {
  const auto found =
      std::ranges::find_if(readers_, [&](const Reader& each) { return &each == reader; });
  found->thread.join();
  readers_.erase(found);
  if (waiting_.empty()) return;
  auto next = std::move(waiting_.front());
  waiting_.pop_front();
  start(std::move(next));
}

}  // namespace mayfly::docker
