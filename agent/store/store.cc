#include "agent/store/store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "agent/store/tables.h"

namespace mayfly::store {
namespace {

constexpr std::uint32_t kTrimEvery = 256;  ///< exits recorded between two trims
constexpr std::uint32_t kTrimRows = 1024;  ///< removed at most by one

std::int64_t unix_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

/// A job answers on the loop, by what it returns, after its transaction has been committed or not.
using Answer = std::function<void(bool)>;
struct Job {
  std::function<bool(Tables&)> run;
  Answer answer;
};

class SqliteStore final : public Store {
 public:
  SqliteStore(boost::asio::io_context& loop, Options options, int lock, Connection connection,
              Loaded loaded)
      : loop_(loop),
        options_(std::move(options)),
        lock_(lock),
        loaded_(std::move(loaded)),
        tables_(std::move(connection)),
        thread_([this] { work(); }) {}

  ~SqliteStore() override {
    {
      const std::lock_guard guard(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
    ::close(lock_);
  }

  [[nodiscard]] const Loaded& loaded() const override { return loaded_; }

  void record(Exit exit, std::function<void(bool)> done) override {
    push({[this, exit = std::move(exit)](Tables& tables) { return write_exit(tables, exit); },
          std::move(done)});
  }

  void exits(ExitQuery query, std::function<void(std::vector<Exit>)> done) override {
    auto rows = std::make_shared<std::vector<Exit>>();  // filled on one thread, read on the other
    push({[query = std::move(query), rows](Tables& tables) {
            *rows = tables.select_exits(query);
            return true;
          },
          [rows, done = std::move(done)](bool) { done(std::move(*rows)); }});
  }

  void put_desired(Desired desired, std::function<void(bool)> done) override {
    push({[desired = std::move(desired)](Tables& tables) { return tables.put_desired(desired); },
          std::move(done)});
  }

  void drop_desired(std::string pool, std::function<void(bool)> done) override {
    push({[pool = std::move(pool)](Tables& tables) { return tables.drop_desired(pool); },
          std::move(done)});
  }

  void put_revision(Revision revision, std::function<void(bool)> done) override {
    push(
        {[revision = std::move(revision)](Tables& tables) { return tables.put_revision(revision); },
         std::move(done)});
  }

  void drop_revisions(std::string pool, std::function<void(bool)> done) override {
    push({[pool = std::move(pool)](Tables& tables) { return tables.drop_revisions(pool); },
          std::move(done)});
  }

 private:
  void push(Job job) {
    {
      const std::lock_guard guard(mutex_);
      if (queue_.size() < options_.queue_max) {
        queue_.push_back(std::move(job));
        wake_.notify_one();
        return;
      }
    }
    boost::asio::post(loop_, [answer = std::move(job.answer)] { answer(false); });
  }

  void work() {
    std::unique_lock guard(mutex_);
    for (;;) {
      wake_.wait(guard, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      std::deque<Job> batch = std::exchange(queue_, {});
      guard.unlock();
      run_batch(batch);
      guard.lock();
    }
  }

  /// All that is queued becomes one transaction; when that fails, one each, so that a bad row does
  /// not take the good ones with it.
  void run_batch(std::deque<Job>& batch) {
    if (try_together(batch)) {
      for (Job& job : batch) answer(job, true);
      return;
    }
    for (Job& job : batch) {
      const bool done = tables_.begin() && job.run(tables_) && tables_.commit();
      if (!done) tables_.rollback();
      answer(job, done);
    }
  }

  bool try_together(std::deque<Job>& batch) {
    if (!tables_.begin()) return false;
    for (Job& job : batch) {
      if (!job.run(tables_)) {
        tables_.rollback();
        return false;
      }
    }
    return tables_.commit();
  }

  bool write_exit(Tables& tables, const Exit& exit) {
    if (!tables.insert_exit(exit)) return false;
    if (++since_trim_ < kTrimEvery) return true;
    since_trim_ = 0;
    return tables.trim_exits(unix_ms() - options_.exits_age_ms, options_.exits_max, kTrimRows);
  }

  void answer(Job& job, bool done) {
    boost::asio::post(loop_, [answer = std::move(job.answer), done] { answer(done); });
  }

  boost::asio::io_context& loop_;
  Options options_;
  int lock_;
  Loaded loaded_;
  Tables tables_;
  std::uint32_t since_trim_ = kTrimEvery;  // the first record trims what time has made too old
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> queue_;
  bool stopping_ = false;
  std::thread thread_;
};

/// The lock file holds its owner's pid, for the error text of the next one.
tl::expected<int, std::string> lock_directory(const std::filesystem::path& directory) {
  const std::string path = directory / "lock";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return tl::unexpected(path + ": " + std::strerror(errno));
  if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
    const std::string pid = std::to_string(getpid()) + "\n";
    if (ftruncate(fd, 0) == 0) (void)!pwrite(fd, pid.data(), pid.size(), 0);
    return fd;
  }
  char holder[16] = {};
  (void)!pread(fd, holder, sizeof holder - 1, 0);
  ::close(fd);
  return tl::unexpected(directory.string() + ": another mayflyd uses it (pid " +
                        std::to_string(std::strtol(holder, nullptr, 10)) +
                        "); give this one its own --state-dir");
}

}  // namespace

tl::expected<std::unique_ptr<Store>, std::string> Store::open(boost::asio::io_context& loop,
                                                              Options options) {
  std::error_code error;
  std::filesystem::create_directories(options.directory, error);
  if (!error) {
    std::filesystem::permissions(options.directory, std::filesystem::perms::owner_all, error);
  }
  if (error) return tl::unexpected(options.directory.string() + ": " + error.message());
  const auto lock = lock_directory(options.directory);
  if (!lock) return tl::unexpected(lock.error());
  const std::string file = options.directory / "state.db";
  const auto refuse = [&](const std::string& what) {
    ::close(*lock);
    return tl::unexpected(file + ": " + what);
  };
  std::string fault;
  Connection connection = open_connection(file, fault);
  if (!connection) return refuse(fault);
  const auto prepared = Tables::prepare(connection.get());
  if (!prepared) return refuse(prepared.error());
  auto loaded = Tables::load(connection.get());
  if (!loaded) return refuse(loaded.error());
  return std::make_unique<SqliteStore>(loop, std::move(options), *lock, std::move(connection),
                                       std::move(*loaded));
}

}  // namespace mayfly::store
