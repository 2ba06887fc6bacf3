#include "tests/support/faulty_proxy.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string_view>
#include <utility>

#include "tests/support/loopback.h"

namespace mayfly::support {
namespace {

using Kind = FaultyProxy::Fault::Kind;

/// Every request has its own connection, on both sides.
std::string with_close(const std::string& head) {
  return head + "Connection: close\r\n\r\n";
}

}  // namespace

FaultyProxy::FaultyProxy(int server_port) : server_port_(server_port) {
  listener_ = listen_on_loopback(port_);
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
    request.range = header_in(head, "range");
    request.authorization = header_in(head, "authorization");
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
    static_cast<void>(send_all(
        client, "HTTP/1.1 " + fault->head + "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
    return;
  }
  const int server = connect_to_loopback(server_port_);
  std::string body;
  std::string reply;
  if (server >= 0 && send_all(server, with_close(head))) reply = read_head(server, body);
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
  if (server >= 0) close(server);
}

}  // namespace mayfly::support
