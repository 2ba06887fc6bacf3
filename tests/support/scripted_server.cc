#include "tests/support/scripted_server.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <utility>

#include "tests/support/loopback.h"

namespace mayfly::support {

std::string ScriptedServer::Request::header(const std::string& lower_case_name) const {
  return header_in(head, lower_case_name);
}

ScriptedServer::ScriptedServer(std::function<Answer(const Request&)> answer)
    : answer_(std::move(answer)), listener_(listen_on_loopback(port_)) {
  thread_ = std::thread([this] { serve_all(); });
}

ScriptedServer::~ScriptedServer() {
  ended_ = true;
  shutdown(listener_, SHUT_RDWR);
  thread_.join();
  close(listener_);
}

void ScriptedServer::serve_all() {
  while (!ended_) {
    const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) continue;
    serve(client);
    close(client);
  }
}

void ScriptedServer::serve(int client) {
  Request request;
  request.head = read_head(client, request.body);
  if (request.head.empty()) return;
  const auto& head = request.head;
  request.method = head.substr(0, head.find(' '));
  const auto begin = request.method.size() + 1;
  request.target = head.substr(begin, head.find(' ', begin) - begin);
  const auto length = std::strtoul(request.header("content-length").c_str(), nullptr, 10);
  std::array<char, 4096> buffer{};
  while (request.body.size() < length) {
    const auto size = recv(client, buffer.data(), buffer.size(), 0);
    if (size <= 0) return;
    request.body.append(buffer.data(), static_cast<std::size_t>(size));
  }
  const auto answer = answer_(request);
  const bool sent =
      send_all(client, "HTTP/1.1 " + answer.head + "\r\nContent-Length: " +
                           std::to_string(answer.body.size()) + "\r\nConnection: close\r\n\r\n");
  if (sent && request.method != "HEAD") static_cast<void>(send_all(client, answer.body));
}

}  // namespace mayfly::support
