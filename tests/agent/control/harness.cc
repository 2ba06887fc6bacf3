#include "tests/agent/control/harness.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>
#include <boost/asio/post.hpp>
#include <cstring>
#include <future>
#include <stdexcept>

namespace mayfly::control {
namespace {

constexpr time_t kPatienceS = 60;

}  // namespace

ServerUnderTest::ServerUnderTest(const std::function<void(ServerOptions&)>& adjust)
    : work_(loop_.get_executor()), operations_(std::make_unique<FakeOperations>(loop_)) {
  options_.socket.path = (directory_.path() / "mayfly.sock").string();
  options_.read_socket.emplace().path = (directory_.path() / "read.sock").string();
  options_.spool_directory = (directory_.path() / "spool").string();
  options_.follow_interval = std::chrono::milliseconds(1);
  options_.audit = [this](const Audit& audit) {
    const std::lock_guard lock(mutex_);
    audits_.push_back(audit);
  };
  if (adjust) adjust(options_);
  server_ = std::make_unique<Server>(loop_, options_, *operations_);
  if (const auto started = server_->start(); !started) throw std::runtime_error(started.error());
  thread_ = std::thread([this] { loop_.run(); });
}

ServerUnderTest::~ServerUnderTest() {
  stop_server();
  work_.reset();
  loop_.stop();
  thread_.join();
}

void ServerUnderTest::on_loop(const std::function<void(FakeOperations&)>& work) {
  std::promise<void> done;
  boost::asio::post(loop_, [&] {
    work(*operations_);
    done.set_value();
  });
  done.get_future().get();
}

std::vector<Audit> ServerUnderTest::audits() {
  const std::lock_guard lock(mutex_);
  return audits_;
}

void ServerUnderTest::stop_server() {
  on_loop([this](FakeOperations&) { server_.reset(); });
}

Peer::Peer(const std::string& socket) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, socket.c_str(), sizeof address.sun_path - 1);
  const timeval patience{kPatienceS, 0};
  setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  connected_ = connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
}

Peer::~Peer() {
  close(fd_);
}

bool Peer::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

void Peer::end_sending() {
  shutdown(fd_, SHUT_WR);
}

bool Peer::read_some() {
  char bytes[65536];
  const ssize_t size = recv(fd_, bytes, sizeof bytes, 0);
  if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
    throw std::runtime_error("the server neither answered nor closed");
  }
  if (size <= 0) return false;
  buffer_.append(bytes, static_cast<std::size_t>(size));
  return true;
}

std::string Peer::read_all() {
  while (read_some()) {
  }
  return std::exchange(buffer_, {});
}

std::string Peer::read_until(std::string_view mark) {
  while (buffer_.find(mark) == std::string::npos && read_some()) {
  }
  const std::size_t at = buffer_.find(mark);
  const std::size_t end = at == std::string::npos ? buffer_.size() : at + mark.size();
  std::string out = buffer_.substr(0, end);
  buffer_.erase(0, end);
  return out;
}

std::string Peer::read_response() {
  std::string head = read_until("\r\n\r\n");
  const std::string field = "Content-Length: ";
  const std::size_t at = head.find(field);
  const std::size_t size = at == std::string::npos ? 0 : std::stoul(head.substr(at + field.size()));
  while (buffer_.size() < size && read_some()) {
  }
  head += buffer_.substr(0, size);
  buffer_.erase(0, std::min(size, buffer_.size()));
  return head;
}

std::string ask(const std::string& socket, std::string_view request) {
  Peer peer(socket);
  peer.send(request);
  return peer.read_response();
}

std::string get(const std::string& socket, const std::string& target) {
  return ask(socket, "GET " + target + " HTTP/1.1\r\nHost: m\r\n\r\n");
}

std::string post(const std::string& socket, const std::string& target, const std::string& body,
                 const std::string& content_type) {
  return ask(socket, "POST " + target + " HTTP/1.1\r\nHost: m\r\nContent-Type: " + content_type +
                         "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
}

int status_of(std::string_view response) {
  const std::size_t space = response.find(' ');
  if (space == std::string_view::npos) return 0;
  return std::atoi(std::string(response.substr(space + 1, 3)).c_str());
}

std::string body_of(std::string_view response) {
  const std::size_t end = response.find("\r\n\r\n");
  return end == std::string_view::npos ? "" : std::string(response.substr(end + 4));
}

}  // namespace mayfly::control
