#include "agent/logs/logs.h"

#include <algorithm>
#include <array>
#include <deque>
#include <filesystem>
#include <map>
#include <unordered_map>

#include "agent/logs/growth.h"
#include "agent/logs/shelf.h"

namespace mayfly::logs {
namespace {

constexpr std::size_t kEndedMax = 64;
/// With very many workers each still keeps so much, though the pool then exceeds its bound.
constexpr std::uint64_t kWorkerBytesMin = 16 * 1024;
constexpr std::array kStreams{Stream::kStdout, Stream::kStderr};

/// Rises with each opening, so it orders workers by age.
using Serial = std::uint64_t;

struct Ended {
  Serial serial = 0;
  std::string worker;
  std::uint64_t occupied = 0;
};

struct Pool {
  explicit Pool(Shelf opened) : shelf(std::move(opened)) {}

  /// True when it was there.
  bool forget_ended(const std::string& worker) {
    const auto found = std::find_if(ended.begin(), ended.end(),
                                    [&](const Ended& each) { return each.worker == worker; });
    if (found == ended.end()) return false;
    ended_occupied -= found->occupied;
    ended.erase(found);
    return true;
  }

  Shelf shelf;
  std::uint64_t bytes = 0;
  std::unordered_map<std::string, Serial> live;
  std::deque<Ended> ended;  ///< oldest first
  std::uint64_t ended_occupied = 0;
};

struct Live {
  Pool* pool = nullptr;
  std::string worker;
  std::uint64_t worker_bytes = 0;
  std::array<Shelf::Size, 2> sizes;
};

}  // namespace

struct Logs::Impl {
  Impl(boost::asio::io_context& loop, std::string directory)
      : root(std::move(directory)), growth(loop, [this](Growth::Key key) { return look(key); }) {}

  Pool* find(const std::string& name);
  tl::expected<Pool*, std::string> pool(const std::string& name, std::uint64_t bytes);
  void recall(Pool& pool);
  void watch(Pool& pool, const std::string& worker, Bounds bounds);
  void unwatch(Pool& pool, const std::string& worker);
  std::uint64_t look(Growth::Key key);
  [[nodiscard]] std::uint64_t occupied(const Pool& pool) const;
  [[nodiscard]] bool is_over(const Pool& pool) const;
  void make_room(Pool& pool);
  void remove_oldest(Pool& pool);

  std::string root;
  Serial last_serial = 0;
  std::map<std::string, std::unique_ptr<Pool>> pools;
  std::map<Serial, Live> live;
  Growth growth;
};

namespace {

Growth::Key key_of(Serial serial, Stream stream) {
  return serial * 2 + static_cast<Growth::Key>(stream);
}

std::uint64_t distance(std::uint64_t a, std::uint64_t b) {
  return a > b ? a - b : b - a;
}

}  // namespace

// ---- pools ------------------------------------------------------------------------------------

Pool* Logs::Impl::find(const std::string& name) {
  const auto found = pools.find(name);
  return found == pools.end() ? nullptr : found->second.get();
}

tl::expected<Pool*, std::string> Logs::Impl::pool(const std::string& name, std::uint64_t bytes) {
  Pool* known = find(name);
  if (known == nullptr) {
    auto shelf = Shelf::open(root, name, bytes);
    if (!shelf) return tl::make_unexpected(shelf.error());
    known = pools.emplace(name, std::make_unique<Pool>(std::move(*shelf))).first->second.get();
    recall(*known);
  } else if (known->bytes != bytes) {
    known->shelf.resize(bytes);
  }
  known->bytes = bytes;
  return known;
}

/// What an earlier run has left counts as ended, until it is adopted.
void Logs::Impl::recall(Pool& pool) {
  for (auto& worker : pool.shelf.workers()) {
    std::uint64_t occupied = 0;
    for (const Stream stream : kStreams) occupied += pool.shelf.size(worker, stream).occupied;
    pool.ended.push_back({++last_serial, std::move(worker), occupied});
    pool.ended_occupied += occupied;
  }
}

void Logs::Impl::remove_oldest(Pool& pool) {
  pool.shelf.remove_files(pool.ended.front().worker);
  pool.ended_occupied -= pool.ended.front().occupied;
  pool.ended.pop_front();
}

std::uint64_t Logs::Impl::occupied(const Pool& pool) const {
  if (const auto told = pool.shelf.occupied()) return *told;
  std::uint64_t bytes = pool.ended_occupied;
  for (const auto& [worker, serial] : pool.live) {
    for (const auto& size : live.at(serial).sizes) bytes += size.occupied;
  }
  return bytes;
}

bool Logs::Impl::is_over(const Pool& pool) const {
  return occupied(pool) > pool.bytes || pool.shelf.is_short_of_room();
}

void Logs::Impl::make_room(Pool& pool) {
  while (pool.ended.size() > kEndedMax || pool.ended_occupied > pool.bytes) remove_oldest(pool);
  if (!is_over(pool)) return;
  // The living come first. Some may have grown in ways that nothing tells of, a mapping say.
  for (const auto& [worker, serial] : pool.live) {
    for (const Stream stream : kStreams) look(key_of(serial, stream));
  }
  while (!pool.ended.empty() && is_over(pool)) remove_oldest(pool);
}

// ---- workers ----------------------------------------------------------------------------------

void Logs::Impl::watch(Pool& pool, const std::string& worker, Bounds bounds) {
  const Serial serial = ++last_serial;
  pool.live[worker] = serial;
  live[serial] = Live{&pool, worker, bounds.worker_bytes, {}};
  for (const Stream stream : kStreams) {
    growth.add(key_of(serial, stream), pool.shelf.path_of(worker, stream));
  }
}

void Logs::Impl::unwatch(Pool& pool, const std::string& worker) {
  const auto found = pool.live.find(worker);
  if (found == pool.live.end()) return;
  for (const Stream stream : kStreams) growth.remove(key_of(found->second, stream));
  live.erase(found->second);
  pool.live.erase(found);
}

std::uint64_t Logs::Impl::look(Growth::Key key) {
  const auto found = live.find(key / 2);
  if (found == live.end()) return 0;
  Live& worker = found->second;
  const auto stream = static_cast<Stream>(key % 2);
  // Each stream is sure of half the worker's bytes, and may have what the other does not use; and
  // all that live share the pool's.
  const Pool& pool = *worker.pool;
  const std::uint64_t share = std::max(kWorkerBytesMin, pool.bytes / pool.live.size());
  const std::uint64_t bytes = std::min(worker.worker_bytes, share);
  const std::uint64_t other = worker.sizes[1 - key % 2].occupied;
  Shelf::Size& size = worker.sizes[key % 2];
  const std::uint64_t length_before = size.length;
  size = pool.shelf.trim(worker.worker, stream, bytes - std::min(other, bytes / 2));
  return distance(size.length, length_before);
}

// ---- the interface ----------------------------------------------------------------------------

Logs::Logs(boost::asio::io_context& loop, std::string root)
    : impl_(std::make_unique<Impl>(loop, std::move(root))) {}

Logs::~Logs() = default;

tl::expected<Writers, std::string> Logs::open(const std::string& pool, const std::string& worker,
                                              Bounds bounds) {
  const auto opened = impl_->pool(pool, bounds.pool_bytes);
  if (!opened) return tl::make_unexpected(opened.error());
  Pool& home = **opened;
  impl_->unwatch(home, worker);
  home.forget_ended(worker);
  auto out = home.shelf.append_to(worker, Stream::kStdout);
  if (!out) return tl::make_unexpected(out.error());
  auto err = home.shelf.append_to(worker, Stream::kStderr);
  if (!err) return tl::make_unexpected(err.error());
  impl_->watch(home, worker, bounds);
  return Writers{out->release(), err->release()};
}

void Logs::adopt(const std::string& pool, const std::string& worker, Bounds bounds) {
  const auto opened = impl_->pool(pool, bounds.pool_bytes);
  if (opened && (*opened)->forget_ended(worker)) impl_->watch(**opened, worker, bounds);
}

void Logs::ended(const std::string& pool, const std::string& worker) {
  Pool* const home = impl_->find(pool);
  if (home == nullptr || !home->live.contains(worker)) return;
  const Serial serial = home->live[worker];
  for (const Stream stream : kStreams) impl_->look(key_of(serial, stream));
  const auto& sizes = impl_->live[serial].sizes;
  const std::uint64_t occupied = sizes[0].occupied + sizes[1].occupied;
  impl_->unwatch(*home, worker);
  home->ended.push_back({serial, worker, occupied});
  home->ended_occupied += occupied;
  impl_->make_room(*home);
}

void Logs::discard(const std::string& pool, const std::string& worker) {
  Pool* const home = impl_->find(pool);
  if (home == nullptr) return;
  impl_->unwatch(*home, worker);
  home->forget_ended(worker);
  home->shelf.remove_files(worker);
}

void Logs::drop_pool(const std::string& pool) {
  if (Pool* const home = impl_->find(pool)) {
    while (!home->live.empty()) impl_->unwatch(*home, std::string(home->live.begin()->first));
    impl_->pools.erase(pool);
  }
  Shelf::remove(impl_->root, pool);
}

std::string Logs::tail(const std::string& pool, const std::string& worker, Stream stream,
                       std::uint64_t bytes) const {
  const Pool* const home = impl_->find(pool);
  return home == nullptr ? std::string() : home->shelf.tail(worker, stream, bytes);
}

Logs::Chunk Logs::read(const std::string& pool, const std::string& worker, Stream stream,
                       std::uint64_t offset) const {
  const Pool* const home = impl_->find(pool);
  return home == nullptr ? Chunk{{}, offset} : home->shelf.read(worker, stream, offset);
}

std::vector<std::string> Logs::kept(const std::string& pool) const {
  const Pool* const home = impl_->find(pool);
  if (home == nullptr) return {};
  std::map<Serial, std::string> by_age;
  for (const auto& ended : home->ended) by_age[ended.serial] = ended.worker;
  for (const auto& [worker, serial] : home->live) by_age[serial] = worker;
  std::vector<std::string> names;
  for (auto& [serial, name] : by_age) names.push_back(std::move(name));
  return names;
}

std::vector<std::string> Logs::pools() const {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(impl_->root, error)) {
    names.push_back(entry.path().filename());
  }
  return names;
}

}  // namespace mayfly::logs
