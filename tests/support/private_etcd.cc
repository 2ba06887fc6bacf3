#include "tests/support/private_etcd.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "runtime/descriptor.h"
#include "tests/support/traces.h"

namespace mayfly::support {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 120s;  ///< for an election on a loaded machine

/// Of this process, and each time another.
std::string own_address() {
  static std::atomic<int> used = 0;
  const auto pid = static_cast<unsigned>(getpid());
  return "127." + std::to_string(64 + ++used % 64) + "." + std::to_string(pid >> 8 & 255) + "." +
         std::to_string(pid & 255);
}

runtime::Descriptor connect_to(const std::string& address, int port) {
  runtime::Descriptor fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(port));
  inet_pton(AF_INET, address.c_str(), &to.sin_addr);
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) fd.reset();
  return fd;
}

std::string get(const std::string& address, int port, const std::string& path) {
  const auto server = connect_to(address, port);
  if (!server) return "";
  const timeval deadline{10, 0};
  setsockopt(server.get(), SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof deadline);
  const std::string request = "GET " + path + " HTTP/1.0\r\nHost: e\r\n\r\n";
  if (send(server.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0) return "";
  std::string answer(4096, '\0');
  const auto size = recv(server.get(), answer.data(), answer.size(), 0);
  answer.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  return answer;
}

void openssl(std::vector<std::string> words, const std::string& in) {
  std::vector<std::string> all{"/bin/sh", "-c", "cd \"$0\" && exec openssl \"$@\" 2>&1", in};
  all.insert(all.end(), words.begin(), words.end());
  run(all);
}

void issue(const std::string& name, const std::string& address, const std::string& folder) {
  std::ofstream(folder + "/" + name + ".ext")
      << "subjectAltName=IP:" << address << ",DNS:localhost\n"
      << "extendedKeyUsage=serverAuth,clientAuth\n";
  openssl({"req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=" + name, "-keyout", name + ".key",
           "-out", name + ".csr"},
          folder);
  openssl({"x509", "-req", "-in", name + ".csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-days", "2",
           "-CAcreateserial", "-extfile", name + ".ext", "-out", name + ".pem"},
          folder);
}

/// Of a new authority, in place of those that are there.
void make_certificates(const std::string& address, const std::string& folder) {
  openssl({"req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=test authority",
           "-keyout", "ca.key", "-out", "ca.pem", "-days", "2"},
          folder);
  issue("server", address, folder);
  issue("client", address, folder);
}

}  // namespace

EtcdMember::EtcdMember(Place place) : PrivateDaemon(make_directory()), place_(std::move(place)) {}

EtcdMember::~EtcdMember() {
  go_on();
  kill9();
}

std::string EtcdMember::client_url() const {
  return (place_.certificates.empty() ? "http://" : "https://") + place_.address + ":" +
         std::to_string(2379 + 10 * place_.index);
}

std::string EtcdMember::peer_url(const std::string& address, int index) {
  return "http://" + address + ":" + std::to_string(2380 + 10 * index);
}

int EtcdMember::metrics_port() const {
  return 2381 + 10 * place_.index;
}

std::vector<std::string> EtcdMember::command() const {
  const std::string peer = peer_url(place_.address, place_.index);
  std::vector<std::string> words{
      "etcd", "--name", place_.name, "--data-dir", directory() + "/etcd", "--listen-client-urls",
      client_url(), "--advertise-client-urls", client_url(), "--listen-peer-urls", peer,
      "--initial-advertise-peer-urls", peer, "--initial-cluster", place_.cluster,
      "--initial-cluster-token", place_.address, "--listen-metrics-urls",
      "http://" + place_.address + ":" + std::to_string(metrics_port()),
      // Elections that a loaded machine does not call by itself.
      "--heartbeat-interval", "300", "--election-timeout", "3000"};
  if (!place_.certificates.empty()) {
    for (const auto& word : {"--client-cert-auth", "--trusted-ca-file"}) words.emplace_back(word);
    words.push_back(place_.certificates + "/ca.pem");
    words.emplace_back("--cert-file=" + place_.certificates + "/server.pem");
    words.emplace_back("--key-file=" + place_.certificates + "/server.key");
  }
  words.insert(words.end(), place_.options.begin(), place_.options.end());
  return words;
}

bool EtcdMember::serves() const {
  return static_cast<bool>(connect_to(place_.address, metrics_port()));
}

bool EtcdMember::is_healthy() const {
  return get(place_.address, metrics_port(), "/health").find(" 200 OK\r\n") != std::string::npos;
}

PrivateEtcd::PrivateEtcd(Options options) : address_(own_address()) {
  if (options.transport == Transport::kTls) {
    certificates_ = make_directory();
    make_certificates(address_, certificates_);
  }
  std::string cluster;
  for (int i = 0; i < options.members; ++i) {
    cluster += (i == 0 ? "m" : ",m") + std::to_string(i) + "=" + EtcdMember::peer_url(address_, i);
  }
  for (int i = 0; i < options.members; ++i) {
    members_.push_back(std::make_unique<EtcdMember>(EtcdMember::Place{
        "m" + std::to_string(i), address_, i, cluster, certificates_, options.options}));
  }
  for (const auto& member : members_) member->start();
  await_healthy();
}

PrivateEtcd::~PrivateEtcd() {
  members_.clear();
  std::error_code ignored;
  if (!certificates_.empty()) std::filesystem::remove_all(certificates_, ignored);
}

void PrivateEtcd::renew_certificates() {
  make_certificates(address_, certificates_);
  for (const auto& member : members_) {
    member->terminate();
    member->start();
  }
  await_healthy();
}

void PrivateEtcd::await_healthy() {
  const auto until = std::chrono::steady_clock::now() + kPatience;
  for (const auto& member : members_) {
    while (member->pid() > 0 && !member->is_healthy()) {
      if (std::chrono::steady_clock::now() > until) {
        throw std::runtime_error("etcd finds no leader: " +
                                 slurp(member->directory() + "/etcd.log"));
      }
      std::this_thread::sleep_for(20ms);  // nothing tells of a member that has found its leader
    }
  }
}

std::vector<std::string> PrivateEtcd::endpoints() const {
  std::vector<std::string> urls;
  for (const auto& member : members_) urls.push_back(member->client_url());
  return urls;
}

std::size_t PrivateEtcd::leader() {
  for (std::size_t i = 0; i < members_.size(); ++i) {
    // "endpoint, id, version, size, is leader, …"
    const auto row = ctl_at(members_[i]->client_url(), {"endpoint", "status"});
    if (row.find(" MB, true,") != std::string::npos ||
        row.find(" kB, true,") != std::string::npos) {
      return i;
    }
  }
  throw std::runtime_error("no member is the leader");
}

std::string PrivateEtcd::ctl(std::vector<std::string> words) const {
  std::string all;
  for (const auto& url : endpoints()) all += (all.empty() ? "" : ",") + url;
  return ctl_at(all, std::move(words));
}

std::string PrivateEtcd::ctl_at(const std::string& endpoint, std::vector<std::string> words) const {
  std::vector<std::string> command{"etcdctl", "--endpoints=" + endpoint, "--command-timeout=60s",
                                   "--dial-timeout=30s"};
  if (!login_.empty()) command.push_back("--user=" + login_);
  if (!certificates_.empty()) {
    command.push_back("--cacert=" + certificates_ + "/ca.pem");
    command.push_back("--cert=" + certificates_ + "/client.pem");
    command.push_back("--key=" + certificates_ + "/client.key");
  }
  command.insert(command.end(), words.begin(), words.end());
  return run(command, {{"ETCDCTL_API", "3"}});
}

}  // namespace mayfly::support
