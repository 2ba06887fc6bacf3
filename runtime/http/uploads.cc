#include "runtime/http/uploads.h"

#include <curl/curl.h>

#include <atomic>
#include <boost/asio/post.hpp>
#include <optional>
#include <thread>
#include <utility>

namespace mayfly::http {
namespace {

constexpr int kPollMs = 1'000;  ///< a stop wakes it up sooner

}  // namespace

class Uploads::Upload {
 public:
  Upload(std::unique_ptr<Transfer> transfer, std::function<void()> over)
      : transfer_(std::move(transfer)), over_(std::move(over)), multi_(curl_multi_init()) {
    thread_ = std::thread([this] { run(); });
  }
  ~Upload() {
    stop();
    thread_.join();
    curl_multi_remove_handle(multi_, transfer_->handle());
    curl_multi_cleanup(multi_);
  }
  Upload(const Upload&) = delete;
  Upload& operator=(const Upload&) = delete;

  void stop() {
    stopped_ = true;
    curl_multi_wakeup(multi_);
  }

  /// REQUIRES: it is over.
  Reply reply() { return transfer_->reply(code_); }

 private:
  void run() {
    int running = 1;
    bool works = curl_multi_add_handle(multi_, transfer_->handle()) == CURLM_OK;
    while (works && running > 0 && !stopped_) {
      works = curl_multi_perform(multi_, &running) == CURLM_OK;
      if (works && running > 0) curl_multi_poll(multi_, nullptr, 0, kPollMs, nullptr);
    }
    int left = 0;
    if (const auto* message = curl_multi_info_read(multi_, &left)) code_ = message->data.result;
    over_();
  }

  std::unique_ptr<Transfer> transfer_;
  std::function<void()> over_;
  CURLM* multi_;
  std::atomic<bool> stopped_ = false;
  int code_ = CURLE_ABORTED_BY_CALLBACK;
  std::thread thread_;
};

Uploads::Uploads(boost::asio::io_context& loop, Done done)
    : loop_(loop), done_(std::move(done)), alive_(std::make_shared<char>()) {}

Uploads::~Uploads() = default;

void Uploads::start(std::unique_ptr<Transfer> transfer) {
  const auto id = transfer->id();
  auto over = [this, id, &loop = loop_, alive = std::weak_ptr(alive_)] {
    boost::asio::post(loop, [this, id, alive] {
      if (!alive.expired()) ended(id);
    });
  };
  running_.emplace(id, std::make_unique<Upload>(std::move(transfer), std::move(over)));
}

void Uploads::cancel(std::uint64_t id) {
  if (const auto found = running_.find(id); found != running_.end()) found->second->stop();
}

void Uploads::ended(std::uint64_t id) {
  const auto node = running_.extract(id);
  if (!node.empty()) done_(id, node.mapped()->reply());
}

}  // namespace mayfly::http
