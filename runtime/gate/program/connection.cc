#include "runtime/gate/program/connection.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>

namespace mayfly::gate {
namespace {

constexpr long kRetryNs = 100'000'000;
constexpr std::size_t kPrefaultBytes = 4096;

void pause_before_retry() {
  const timespec interval{0, kRetryNs};
  ::nanosleep(&interval, nullptr);
}

void close_if_open(int& descriptor) {
  if (descriptor >= 0) ::close(descriptor);
  descriptor = -1;
}

}  // namespace

void Connection::prefault() {
  std::memset(bytes_.data(), 0, kPrefaultBytes);
}

void Connection::wait(std::string_view greeting, Awaited awaited, Variables& variables) {
  for (;; pause_before_retry()) {
    if (!connect()) continue;
    say(greeting);
    while (receive()) {
      const char* const begin = bytes_.data();
      const auto* const newline = static_cast<const char*>(std::memchr(begin, '\n', length_));
      if (newline == nullptr) continue;
      const std::string_view line(begin, static_cast<std::size_t>(newline - begin));
      if (awaited.contains(parse_agent_frame(line, variables))) return;
      break;
    }
    disconnect();
  }
}

bool Connection::connect() {
  socket_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket_ < 0) return false;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path_, sizeof(address.sun_path) - 1);
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
    return true;
  }
  disconnect();
  return false;
}

bool Connection::receive() {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kStdio)];
  iovec part{bytes_.data() + length_, bytes_.size() - length_};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  ssize_t got = 0;
  do {
    got = ::recvmsg(socket_, &message, MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  if (got <= 0) return false;  // also when the buffer is full: a frame cannot be that long
  keep_descriptors(message);
  length_ += static_cast<std::size_t>(got);
  return true;
}

void Connection::keep_descriptors(const msghdr& message) {
  const cmsghdr* const header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_type != SCM_RIGHTS) return;
  if (header->cmsg_len != CMSG_LEN(sizeof(int) * kStdio)) return;
  for (int& descriptor : received_) close_if_open(descriptor);
  std::memcpy(received_.data(), CMSG_DATA(header), sizeof(int) * kStdio);
}

void Connection::disconnect() {
  close_if_open(socket_);
  for (int& descriptor : received_) close_if_open(descriptor);
  length_ = 0;
}

void Connection::take_stdio() {
  if (received_[0] < 0) return;
  for (int i = 0; i < kStdio; ++i) ::dup2(received_[static_cast<std::size_t>(i)], i);
}

void Connection::say(std::string_view frame) const {
  [[maybe_unused]] const ssize_t sent = ::send(socket_, frame.data(), frame.size(), MSG_NOSIGNAL);
}

}  // namespace mayfly::gate
