#include "runtime/http/multi.h"

#include <curl/curl.h>

#include <boost/asio/post.hpp>
#include <stdexcept>

namespace mayfly::http {
namespace {

using boost::asio::posix::descriptor_base;

/// curl's global state, made before the first handle and never taken down.
void initialise_curl() {
  static const auto done = curl_global_init(CURL_GLOBAL_ALL);
  if (done != CURLE_OK) throw std::runtime_error("curl_global_init failed");
}

}  // namespace

Multi::Multi(boost::asio::io_context& loop, Owner& owner, std::size_t connections_kept_max)
    : loop_(loop), owner_(owner), timer_(loop), alive_(std::make_shared<char>()) {
  initialise_curl();
  multi_ = curl_multi_init();
  if (multi_ == nullptr) throw std::bad_alloc();
  curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(connections_kept_max));
  curl_multi_setopt(multi_, CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_NOTHING));
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(
      multi_, CURLMOPT_SOCKETFUNCTION,
      +[](CURL*, curl_socket_t socket, int what, void* self, void*) {
        return static_cast<Multi*>(self)->on_socket(socket, what);
      });
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  curl_multi_setopt(
      multi_, CURLMOPT_TIMERFUNCTION, +[](CURLM*, long in_ms, void* self) {
        static_cast<Multi*>(self)->on_timer(in_ms);
        return 0;
      });
}

Multi::~Multi() {
  for (const auto& [handle, transfer] : transfers_) {
    curl_multi_remove_handle(multi_, transfer->handle());
  }
  curl_multi_cleanup(multi_);
  for (const auto& [socket, watch] : watches_) watch->descriptor.release();
}

bool Multi::add(Transfer& transfer) {
  if (curl_multi_add_handle(multi_, transfer.handle()) != CURLM_OK) return false;
  transfers_.emplace(transfer.handle(), &transfer);
  return true;
}

void Multi::remove(Transfer& transfer) {
  if (transfers_.erase(transfer.handle()) > 0) {
    curl_multi_remove_handle(multi_, transfer.handle());
  }
}

int Multi::on_socket(int socket, int what) {
  const auto found = watches_.find(socket);
  if (what == CURL_POLL_REMOVE) {
    if (found == watches_.end()) return 0;
    found->second->descriptor.release();  // not close: it is curl's
    watches_.erase(found);
    return 0;
  }
  if (found != watches_.end()) {
    found->second->wanted = what;
    arm(socket, found->second);
    return 0;
  }
  const auto watch = std::make_shared<Watch>(loop_);
  boost::system::error_code error;
  watch->descriptor.assign(socket, error);
  if (error) return -1;
  watch->wanted = what;
  watches_.emplace(socket, watch);
  arm(socket, watch);
  return 0;
}

/// Asio waits once; curl wants to hear of it again and again.
void Multi::arm(int socket, const std::shared_ptr<Watch>& watch) {
  if ((watch->wanted & CURL_POLL_IN) != 0 && !watch->reading) wait_for_read(socket, watch);
  if ((watch->wanted & CURL_POLL_OUT) != 0 && !watch->writing) wait_for_write(socket, watch);
}

void Multi::wait_for_read(int socket, const std::shared_ptr<Watch>& watch) {
  watch->reading = true;
  watch->descriptor.async_wait(descriptor_base::wait_read,
                               [this, alive = std::weak_ptr(alive_), weak = std::weak_ptr(watch),
                                socket](const boost::system::error_code& error) {
                                 const auto waited = weak.lock();
                                 if (alive.expired() || !waited || !waited->descriptor.is_open())
                                   return;
                                 waited->reading = false;
                                 if ((waited->wanted & CURL_POLL_IN) != 0)
                                   act(socket, error ? CURL_CSELECT_ERR : CURL_CSELECT_IN);
                                 if (!alive.expired() && waited->descriptor.is_open())
                                   arm(socket, waited);
                               });
}

void Multi::wait_for_write(int socket, const std::shared_ptr<Watch>& watch) {
  watch->writing = true;
  watch->descriptor.async_wait(descriptor_base::wait_write,
                               [this, alive = std::weak_ptr(alive_), weak = std::weak_ptr(watch),
                                socket](const boost::system::error_code& error) {
                                 const auto waited = weak.lock();
                                 if (alive.expired() || !waited || !waited->descriptor.is_open())
                                   return;
                                 waited->writing = false;
                                 if ((waited->wanted & CURL_POLL_OUT) != 0)
                                   act(socket, error ? CURL_CSELECT_ERR : CURL_CSELECT_OUT);
                                 if (!alive.expired() && waited->descriptor.is_open())
                                   arm(socket, waited);
                               });
}

void Multi::on_timer(long in_ms) {
  if (in_ms < 0) {
    timer_.cancel();
    return;
  }
  timer_.expires_after(std::chrono::milliseconds(in_ms));
  timer_.async_wait([this, alive = std::weak_ptr(alive_)](const boost::system::error_code& error) {
    if (!error && !alive.expired()) act(CURL_SOCKET_TIMEOUT, 0);
  });
}

void Multi::act(int socket, int ready) {
  int running = 0;
  curl_multi_socket_action(multi_, socket, ready, &running);
  report();
}

/// Only now: curl forbids calls to it from within its callbacks, and an owner may do anything.
void Multi::report() {
  const auto alive = std::weak_ptr(alive_);
  std::vector<const void*> changed;
  for (const auto& [handle, transfer] : transfers_) {
    if (transfer->take_changed()) changed.push_back(handle);
  }
  for (const auto* handle : changed) {
    const auto found = transfers_.find(handle);
    if (found != transfers_.end()) owner_.on_progress(*found->second);
    if (alive.expired()) return;
  }
  for (int left = 0; const auto* message = curl_multi_info_read(multi_, &left);) {
    const auto found = transfers_.find(message->easy_handle);
    if (message->msg != CURLMSG_DONE || found == transfers_.end()) continue;
    auto& transfer = *found->second;
    const int code = message->data.result;
    remove(transfer);
    owner_.on_end(transfer, code);
    if (alive.expired()) return;
  }
}

}  // namespace mayfly::http
