#include "tests/support/loopback.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <stdexcept>

namespace mayfly::support {
namespace {

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](char byte) {
    return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte - 'A' + 'a') : byte;
  });
  return text;
}

}  // namespace

int listen_on_loopback(int& port) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto address = loopback(0);
  socklen_t size = sizeof address;
  if (bind(listener, reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
      listen(listener, 64) != 0 ||
      getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw std::runtime_error("cannot listen on loopback");
  }
  port = ntohs(address.sin_port);
  return listener;
}

int connect_to_loopback(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto address = loopback(port);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
  close(fd);
  return -1;
}

bool send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

std::string read_head(int fd, std::string& rest) {
  std::array<char, 16384> buffer{};
  std::string bytes;
  for (;;) {
    const auto end = bytes.find("\r\n\r\n");
    if (end != std::string::npos) {
      rest = bytes.substr(end + 4);
      return bytes.substr(0, end + 2);
    }
    const auto size = recv(fd, buffer.data(), buffer.size(), 0);
    if (size <= 0) return {};
    bytes.append(buffer.data(), static_cast<std::size_t>(size));
  }
}

std::string header_in(const std::string& head, const std::string& lower_case_name) {
  const auto at = lower(head).find("\r\n" + lower_case_name + ":");
  if (at == std::string::npos) return {};
  const auto begin = head.find_first_not_of(' ', at + lower_case_name.size() + 3);
  return head.substr(begin, head.find("\r\n", begin) - begin);
}

}  // namespace mayfly::support
