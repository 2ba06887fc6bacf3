#include "agent/store/store.h"

#include <pthread.h>
#include <signal.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <variant>

#include "agent/store/identity.h"
#include "agent/store/schema.h"
#include "agent/store/tables.h"

namespace mayfly::store {
namespace {

constexpr std::size_t kBatchMax = 256;  // jobs in one transaction

struct Write {
  std::function<bool(Tables&)> apply;
  std::function<void(bool)> done;
  bool written = false;
};

struct Read {
  ExitQuery query;
  std::function<void(std::vector<Exit>)> done;
  std::vector<Exit> rows;
};

/// Something to be done on the thread and answered on the loop. It counts as work of the loop.
struct Job {
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard;
  std::variant<Write, Read> what;
};

bool carry_out(Job& job, Tables& tables) {
  if (auto* read = std::get_if<Read>(&job.what)) {
    read->rows = tables.exits(read->query);
    return true;
  }
  auto& write = std::get<Write>(job.what);
  write.written = write.apply(tables);
  return write.written;
}

void answer(Job& job) {
  if (auto* read = std::get_if<Read>(&job.what)) {
    read->done(std::move(read->rows));
  } else {
    auto& write = std::get<Write>(job.what);
    write.done(write.written);
  }
}

/// All in one transaction, or nothing.
bool carry_out_together(std::vector<Job>& jobs, Tables& tables) {
  bool good = tables.begin();
  for (std::size_t i = 0; good && i < jobs.size(); ++i) good = carry_out(jobs[i], tables);
  good = good && tables.commit();
  if (!good) tables.rollback();
  return good;
}

/// One bad job does not take the others with it.
void carry_out_singly(std::vector<Job>& jobs, Tables& tables) {
  for (Job& job : jobs) {
    const bool good = tables.begin() && carry_out(job, tables) && tables.commit();
    if (!good) tables.rollback();
    if (auto* write = std::get_if<Write>(&job.what)) write->written = good;
  }
}

/// What opening has come by.
struct Opened {
  DirectoryLock lock;
  Tables tables;
  Loaded loaded;
};

class SqliteStore final : public Store {
 public:
  SqliteStore(boost::asio::io_context& loop, Opened opened, std::size_t queue_max)
      : loop_(loop),
        lock_(std::move(opened.lock)),
        tables_(std::move(opened.tables)),
        loaded_(std::move(opened.loaded)),
        queue_max_(queue_max) {
    // Signals are the loop's: a thread inherits the mask of the one that makes it.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread{[this] { work(); }};
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  ~SqliteStore() override {
    {
      const std::lock_guard lock{mutex_};
      stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
    *alive_ = false;
  }

  SqliteStore(const SqliteStore&) = delete;
  SqliteStore& operator=(const SqliteStore&) = delete;

  [[nodiscard]] const Loaded& loaded() const override { return loaded_; }

  void record(Exit exit, std::function<void(bool)> done) override {
    write([exit = std::move(exit)](Tables& tables) { return tables.record(exit); },
          std::move(done));
  }
  void exits(ExitQuery query, std::function<void(std::vector<Exit>)> done) override {
    submit(Read{std::move(query), std::move(done), {}});
  }
  void put_desired(Desired desired, std::function<void(bool)> done) override {
    write([row = std::move(desired)](Tables& tables) { return tables.put(row); }, std::move(done));
  }
  void drop_desired(std::string pool, std::function<void(bool)> done) override {
    write([pool = std::move(pool)](Tables& tables) { return tables.drop_desired(pool); },
          std::move(done));
  }
  void put_revision(Revision revision, std::function<void(bool)> done) override {
    write([row = std::move(revision)](Tables& tables) { return tables.put(row); }, std::move(done));
  }
  void drop_revisions(std::string pool, std::function<void(bool)> done) override {
    write([pool = std::move(pool)](Tables& tables) { return tables.drop_revisions(pool); },
          std::move(done));
  }
  void put_image(Image image, std::function<void(bool)> done) override {
    write([row = std::move(image)](Tables& tables) { return tables.put(row); }, std::move(done));
  }
  void drop_image(Image image, std::function<void(bool)> done) override {
    write([row = std::move(image)](Tables& tables) { return tables.drop_image(row); },
          std::move(done));
  }
  void put_fleet(FleetDocument document, std::function<void(bool)> done) override {
    write([row = std::move(document)](Tables& tables) { return tables.put(row); }, std::move(done));
  }
  void drop_fleet(std::string pool, std::function<void(bool)> done) override {
    write([pool = std::move(pool)](Tables& tables) { return tables.drop_fleet(pool); },
          std::move(done));
  }
  void put_node(NodeOrder order, std::function<void(bool)> done) override {
    write([row = std::move(order)](Tables& tables) { return tables.put(row); }, std::move(done));
  }

 private:
  void write(std::function<bool(Tables&)> apply, std::function<void(bool)> done) {
    submit(Write{std::move(apply), std::move(done)});
  }

  void submit(std::variant<Write, Read> what) {
    Job job{boost::asio::make_work_guard(loop_), std::move(what)};
    {
      const std::lock_guard lock{mutex_};
      if (queue_.size() < queue_max_) {
        queue_.push_back(std::move(job));
        wake_.notify_one();
        return;
      }
    }
    std::vector<Job> refused;  // not written, no rows
    refused.push_back(std::move(job));
    post_answers(std::move(refused));
  }

  void post_answers(std::vector<Job> jobs) {
    boost::asio::post(loop_, [alive = alive_, jobs = std::move(jobs)]() mutable {
      for (Job& job : jobs) {
        if (*alive) answer(job);  // looked at each time: an answer may end the store
      }
    });
  }

  /// What is queued by now, up to a batch; waits for some. Empty: the store ends and all is done.
  std::vector<Job> next_batch() {
    std::unique_lock lock{mutex_};
    wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    std::vector<Job> batch;
    while (!queue_.empty() && batch.size() < kBatchMax) {
      batch.push_back(std::move(queue_.front()));
      queue_.pop_front();
    }
    return batch;
  }

  void work() {
    pthread_setname_np(pthread_self(), "mayfly-store");
    for (std::vector<Job> batch = next_batch(); !batch.empty(); batch = next_batch()) {
      if (!carry_out_together(batch, tables_)) carry_out_singly(batch, tables_);
      post_answers(std::move(batch));
    }
  }

  boost::asio::io_context& loop_;
  DirectoryLock lock_;
  Tables tables_;  ///< the thread's
  Loaded loaded_;
  std::size_t queue_max_;
  /// The loop's: answers that were posted may outlive the store, and then say nothing.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::mutex mutex_;  ///< of the two below
  std::deque<Job> queue_;
  bool stopping_ = false;
  std::condition_variable wake_;
  std::thread thread_;
};

tl::expected<Loaded, Failure> load(Tables& tables, Identity identity) {
  auto desired = tables.desired();
  if (!desired) return tl::unexpected(desired.error());
  auto revisions = tables.revisions();
  if (!revisions) return tl::unexpected(revisions.error());
  auto images = tables.images();
  if (!images) return tl::unexpected(images.error());
  auto fleet = tables.fleet();
  if (!fleet) return tl::unexpected(fleet.error());
  auto node = tables.node();
  if (!node) return tl::unexpected(node.error());
  return Loaded{.instance = std::move(identity.instance),
                .run = identity.run,
                .desired = std::move(*desired),
                .revisions = std::move(*revisions),
                .images = std::move(*images),
                .fleet = std::move(*fleet),
                .node = std::move(*node)};
}

}  // namespace

tl::expected<std::unique_ptr<Store>, std::string> Store::open(boost::asio::io_context& loop,
                                                              Options options) {
  auto lock = DirectoryLock::take(options.directory);
  if (!lock) return tl::unexpected(lock.error());
  const std::filesystem::path file = options.directory / "state.db";
  auto database = open_database(file);
  if (!database) return tl::unexpected(database.error());
  Tables tables{std::move(*database), {options.exits_max, options.exits_age_ms}};
  auto identity = begin_run(options.directory);
  if (!identity) return tl::unexpected(identity.error());
  auto loaded = load(tables, std::move(*identity));
  if (!loaded) return tl::unexpected(explain(file, loaded.error()));
  return std::make_unique<SqliteStore>(
      loop, Opened{std::move(*lock), std::move(tables), std::move(*loaded)}, options.queue_max);
}

}  // namespace mayfly::store
