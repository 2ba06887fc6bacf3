#include "tests/runtime/http/fake_server.h"

#include <stdlib.h>

#include <boost/asio/write.hpp>
#include <filesystem>
#include <stdexcept>

namespace mayfly::http {
namespace {

using Local = boost::asio::local::stream_protocol;

std::size_t content_length(const std::string& head) {
  const auto at = head.find("Content-Length: ");
  return at == std::string::npos ? 0 : std::stoul(head.substr(at + 16));
}

}  // namespace

void FakeServer::Peer::send(const std::string& bytes) {
  boost::system::error_code error;  // a client may have gone, and often should
  if (socket_.is_open()) boost::asio::write(socket_, boost::asio::buffer(bytes), error);
}

void FakeServer::Peer::answer(int status, const std::string& body) {
  send("HTTP/1.1 " + std::to_string(status) +
       " Whatever\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
}

void FakeServer::Peer::close() {
  boost::system::error_code error;
  socket_.close(error);
}

FakeServer::FakeServer(boost::asio::io_context& loop, Answer answer)
    : loop_(loop), answer_(std::move(answer)) {
  std::string pattern = (std::filesystem::temp_directory_path() / "mayfly-http-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
  directory_ = pattern;
  path_ = directory_ + "/sock";
  start();
}

FakeServer::~FakeServer() {
  stop();
  std::filesystem::remove_all(directory_);
}

void FakeServer::stop() {
  acceptor_.reset();
  for (const auto& weak : peers_) {
    if (const auto peer = weak.lock()) peer->close();
  }
  peers_.clear();
}

void FakeServer::start() {
  std::filesystem::remove(path_);
  acceptor_ = std::make_unique<Local::acceptor>(loop_, Local::endpoint(path_));
  accept();
}

void FakeServer::accept() {
  auto peer = std::make_shared<Peer>(loop_);
  acceptor_->async_accept(peer->socket_, [this, peer, alive = std::weak_ptr(alive_)](auto error) {
    if (error || alive.expired()) return;
    peers_.push_back(peer);
    read(peer, ++connections);
    accept();
  });
}

void FakeServer::read(const std::shared_ptr<Peer>& peer, std::size_t number) {
  peer->socket_.async_read_some(
      boost::asio::buffer(peer->piece_),
      [this, peer, number, alive = std::weak_ptr(alive_)](auto error, std::size_t size) {
        if (alive.expired()) return;
        if (error) {
          if (error == boost::asio::error::eof) ++closed_by_client;
          return;
        }
        peer->read_.append(peer->piece_, 0, size);
        take(peer, number);
        if (peer->is_open()) read(peer, number);
      });
}

void FakeServer::take(const std::shared_ptr<Peer>& peer, std::size_t number) {
  const auto end = peer->read_.find("\r\n\r\n");
  if (end == std::string::npos) return;
  const auto length = content_length(peer->read_.substr(0, end));
  if (peer->read_.size() < end + 4 + length) return;
  Asked one;
  one.head = peer->read_.substr(0, end);
  one.body = peer->read_.substr(end + 4, length);
  one.method = one.head.substr(0, one.head.find(' '));
  const auto target = one.head.find(' ') + 1;
  one.target = one.head.substr(target, one.head.find(' ', target) - target);
  one.connection = number;
  body_bytes += length;
  peer->read_.erase(0, end + 4 + length);
  if (!keeps_bodies) one.body.clear();
  asked.push_back(one);
  answer_(*peer, one);
}

}  // namespace mayfly::http
