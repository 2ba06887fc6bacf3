#include "tests/support/faulty_proxy.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <stdexcept>

namespace mayfly::support {
namespace {

using Kind = FaultyProxy::Fault::Kind;

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

bool send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

/// Up to the empty line; what has come of the body is left in `rest`. Empty: the peer is gone.
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

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](char byte) {
    return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte - 'A' + 'a') : byte;
  });
  return text;
}

std::string header(const std::string& head, const std::string& name) {
  const auto at = lower(head).find("\r\n" + name + ":");
  if (at == std::string::npos) return {};
  const auto begin = head.find_first_not_of(' ', at + name.size() + 3);
  return head.substr(begin, head.find("\r\n", begin) - begin);
}

/// Every request has its own connection, on both sides.
std::string with_close(const std::string& head) {
  return head + "Connection: close\r\n\r\n";
}

}  // namespace

FaultyProxy::FaultyProxy(int server_port) : server_port_(server_port) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto address = loopback(0);
  socklen_t size = sizeof address;
  if (bind(listener_, reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
      listen(listener_, 64) != 0 ||
      getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw std::runtime_error("cannot listen on loopback");
  }
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { accept_all(); });
}

FaultyProxy::~FaultyProxy() {
  ended_ = true;
  shutdown(listener_, SHUT_RDWR);
  thread_.join();
  for (auto& connection : connections_) {
    if (const int client = connection.client; client >= 0) shutdown(client, SHUT_RDWR);
    connection.thread.join();
  }
  close(listener_);
}

void FaultyProxy::add(Fault fault) {
  const std::lock_guard lock(mutex_);
  faults_.push_back(std::move(fault));
}

void FaultyProxy::clear() {
  const std::lock_guard lock(mutex_);
  faults_.clear();
  ++cleared_;
}

void FaultyProxy::forget() {
  const std::lock_guard lock(mutex_);
  requests_.clear();
}

std::vector<FaultyProxy::Request> FaultyProxy::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

std::vector<FaultyProxy::Request> FaultyProxy::requests_for(const std::string& part) const {
  auto found = requests();
  std::erase_if(found, [&](const Request& request) {
    return request.target.find(part) == std::string::npos;
  });
  return found;
}

void FaultyProxy::accept_all() {
  while (!ended_) {
    const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) continue;
    sweep();
    auto& connection = connections_.emplace_back();
    connection.client = client;
    connection.thread = std::thread([this, &connection] { serve(connection); });
  }
}

void FaultyProxy::sweep() {
  connections_.remove_if([](Connection& connection) {
    if (connection.over) connection.thread.join();
    return connection.over.load();
  });
}

void FaultyProxy::serve(Connection& connection) {
  const int client = connection.client;
  std::string rest;
  const auto head = read_head(client, rest);
  if (!head.empty()) {
    Request request;
    request.method = head.substr(0, head.find(' '));
    const auto begin = request.method.size() + 1;
    request.target = head.substr(begin, head.find(' ', begin) - begin);
    request.range = header(head, "range");
    request.authorization = header(head, "authorization");
    const auto fault = fault_for(request.target);
    std::size_t place = 0;
    {
      const std::lock_guard lock(mutex_);
      place = requests_.size();
      requests_.push_back(request);
    }
    pass(client, head, request, fault);
    const std::lock_guard lock(mutex_);
    if (place < requests_.size()) requests_[place].body_bytes = request.body_bytes;
  }
  connection.client = -1;
  close(client);
  connection.over = true;
}

std::optional<FaultyProxy::Fault> FaultyProxy::fault_for(const std::string& target) {
  const std::lock_guard lock(mutex_);
  for (auto& fault : faults_) {
    if (fault.times == 0 || target.find(fault.path) == std::string::npos) continue;
    if (fault.times > 0) --fault.times;
    return fault;
  }
  return std::nullopt;
}

/// Until the faults are cleared, the client has gone, or we end.
void FaultyProxy::wait_until_cleared(int client) const {
  const auto before = cleared_.load();
  while (!ended_ && cleared_ == before) {
    pollfd gone{client, POLLIN | POLLRDHUP, 0};
    if (poll(&gone, 1, 10) != 0) return;
  }
}

void FaultyProxy::pass(int client, const std::string& head, Request& request,
                       std::optional<Fault> fault) {
  if (fault && fault->kind == Kind::kHold) wait_until_cleared(client);
  if (fault && fault->kind == Kind::kAnswer) {
    send_all(client, "HTTP/1.1 " + fault->head +
                         "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    return;
  }
  const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto address = loopback(server_port_);
  std::string body;
  std::string reply;
  if (connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
      send_all(server, with_close(head))) {
    reply = read_head(server, body);
  }
  std::array<char, 65536> buffer{};
  bool open = !reply.empty() && send_all(client, with_close(reply));
  while (open) {
    if (fault && fault->kind == Kind::kCorrupt && fault->at >= request.body_bytes &&
        fault->at < request.body_bytes + body.size()) {
      body[fault->at - request.body_bytes] ^= 1;
    }
    const bool ends = fault && (fault->kind == Kind::kCut || fault->kind == Kind::kStall) &&
                      request.body_bytes + body.size() >= fault->at;
    if (ends) body.resize(fault->at - request.body_bytes);
    open = send_all(client, body) && !ends;
    request.body_bytes += body.size();
    if (ends && fault->kind == Kind::kStall) wait_until_cleared(client);
    if (!open) break;
    const auto size = recv(server, buffer.data(), buffer.size(), 0);
    if (size <= 0) break;
    body.assign(buffer.data(), static_cast<std::size_t>(size));
  }
  close(server);
}

}  // namespace mayfly::support
