#include "tests/support/private_registry.h"

#include <crypt.h>
#include <curl/curl.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <thread>
#include <vector>

#include "runtime/oci/digest.h"
#include "runtime/oci/image.h"
#include "runtime/oci/manifest.h"
#include "tests/support/loopback.h"

namespace mayfly::support {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

constexpr auto kPatience = 30s;
constexpr int kLaunchesMax = 5;  // somebody may take the port that was free a moment ago

int free_port() {
  int port = 0;
  close(listen_on_loopback(port));
  return port;
}

bool connects(int port) {
  const int fd = connect_to_loopback(port);
  if (fd >= 0) close(fd);
  return fd >= 0;
}

struct Reply {
  long status = 0;
  std::string location;
  std::string body;
};

std::size_t append(char* bytes, std::size_t size, std::size_t count, void* to) {
  static_cast<std::string*>(to)->append(bytes, size * count);
  return size * count;
}

/// One request of a client that pushes; the login is sent whether it is asked for or not.
Reply send(const char* method, const std::string& url, const std::string& body,
           const std::string& media_type) {
  const std::unique_ptr<CURL, void (*)(CURL*)> easy(curl_easy_init(), curl_easy_cleanup);
  Reply reply;
  curl_slist* headers = curl_slist_append(nullptr, ("Content-Type: " + media_type).c_str());
  headers = curl_slist_append(headers, "Expect:");
  const auto login = std::string(PrivateRegistry::kUser) + ":" + PrivateRegistry::kPassword;
  curl_easy_setopt(easy.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy.get(), CURLOPT_POST, 1L);
  curl_easy_setopt(easy.get(), CURLOPT_CUSTOMREQUEST, method);
  curl_easy_setopt(easy.get(), CURLOPT_POSTFIELDSIZE, static_cast<long>(body.size()));
  curl_easy_setopt(easy.get(), CURLOPT_POSTFIELDS, body.data());
  curl_easy_setopt(easy.get(), CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(easy.get(), CURLOPT_USERPWD, login.c_str());
  curl_easy_setopt(easy.get(), CURLOPT_WRITEFUNCTION, append);
  curl_easy_setopt(easy.get(), CURLOPT_WRITEDATA, &reply.body);
  const auto code = curl_easy_perform(easy.get());
  curl_slist_free_all(headers);
  if (code != CURLE_OK) throw std::runtime_error(url + ": " + curl_easy_strerror(code));
  curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &reply.status);
  struct curl_header* location = nullptr;
  if (curl_easy_header(easy.get(), "Location", 0, CURLH_HEADER, -1, &location) == CURLHE_OK) {
    reply.location = location->value;
  }
  return reply;
}

void expect(const Reply& reply, long status, const std::string& what) {
  if (reply.status == status) return;
  throw std::runtime_error(what + ": HTTP " + std::to_string(reply.status) + " " + reply.body);
}

json descriptor(const std::string& type, const std::string& bytes) {
  return {{"mediaType", type}, {"digest", oci::sha256_digest(bytes)}, {"size", bytes.size()}};
}

std::pair<std::string, std::string> path_and_tag(const std::string& name) {
  const auto colon = name.rfind(':');
  return {name.substr(0, colon), name.substr(colon + 1)};
}

}  // namespace

PrivateRegistry::PrivateRegistry(Login login)
    : directory_("/tmp/mayfly-registry-XXXXXX"), login_(login) {
  if (mkdtemp(directory_.data()) == nullptr) throw std::runtime_error("cannot make a folder");
  if (login == Login::kBasic) {
    const char* hash = crypt(kPassword, "$2b$05$abcdefghijklmnopqrstuu");
    if (hash == nullptr) throw std::runtime_error("crypt(3) knows no bcrypt");
    write_file(directory_ + "/htpasswd", std::string(kUser) + ":" + hash + "\n");
  }
  for (int launches = 0; launches < kLaunchesMax; ++launches) {
    port_ = free_port();
    if (launch()) return;
  }
  throw std::runtime_error("docker-registry does not start (Debian: docker-registry): " +
                           read_file(directory_ + "/log"));
}

PrivateRegistry::~PrivateRegistry() {
  stop();
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

std::string PrivateRegistry::config() const {
  auto config =
      "version: 0.1\nlog: {level: warn}\nstorage:\n  filesystem: {rootdirectory: " + directory_ +
      "/data}\nhttp: {addr: '" + host() + "', secret: a-test}\n";
  if (login_ == Login::kBasic) {
    config += "auth:\n  htpasswd: {realm: test, path: " + directory_ + "/htpasswd}\n";
  }
  return config;
}

/// False: it has ended.
bool PrivateRegistry::launch() {
  const auto config_file = directory_ + "/config.yml";
  const auto log_file = directory_ + "/log";
  write_file(config_file, config());
  pid_ = fork();
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // a test that crashes leaves no daemon behind
    const int log = open(log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    execlp("docker-registry", "docker-registry", "serve", config_file.c_str(), nullptr);
    _exit(127);
  }
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (!connects(port_)) {
    if (waitpid(pid_, nullptr, WNOHANG) != 0) {
      pid_ = -1;
      return false;
    }
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(5ms);  // nothing tells of a port that is about to listen
  }
  return true;
}

void PrivateRegistry::start() {
  if (!launch()) throw std::runtime_error("docker-registry does not start again");
}

void PrivateRegistry::stop() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void PrivateRegistry::push_blob(const std::string& path, const std::string& bytes) {
  const auto base = "http://" + host();
  const auto begun =
      send("POST", base + "/v2/" + path + "/blobs/uploads/", {}, "application/octet-stream");
  expect(begun, 202, "begin an upload");
  auto url = begun.location.starts_with("/") ? base + begun.location : begun.location;
  url += (url.find('?') == std::string::npos ? "?digest=" : "&digest=") + oci::sha256_digest(bytes);
  expect(send("PUT", url, bytes, "application/octet-stream"), 201, "push a blob");
}

std::string PrivateRegistry::push_manifest(const std::string& name, const std::string& bytes,
                                           const std::string& media_type) {
  const auto [path, tag] = path_and_tag(name);
  const auto url = "http://" + host() + "/v2/" + path + "/manifests/" + tag;
  expect(send("PUT", url, bytes, media_type), 201, "push a manifest");
  const auto digest = oci::sha256_digest(bytes);
  manifest_sizes_[digest] = bytes.size();
  return digest;
}

std::string PrivateRegistry::push(const ImageArchive& image, const std::string& name) {
  const auto path = path_and_tag(name).first;
  const std::string layer_type = "application/vnd.oci.image.layer.v1.tar";
  json layers = json::array();
  for (const auto& layer : image.layers) {
    push_blob(path, layer);
    const bool packed = layer.starts_with("\x1f\x8b");
    layers.push_back(descriptor(layer_type + (packed ? "+gzip" : ""), layer));
  }
  push_blob(path, image.config());
  const json manifest{{"schemaVersion", 2},
                      {"mediaType", oci::media::kOciManifest},
                      {"config", descriptor(oci::media::kOciConfig, image.config())},
                      {"layers", std::move(layers)}};
  return push_manifest(name, manifest.dump(), oci::media::kOciManifest);
}

std::string PrivateRegistry::push_index(const std::string& name, const std::string& digest,
                                        const std::string& other) {
  const auto entry = [this](const std::string& which, std::string_view architecture) {
    return json{{"mediaType", oci::media::kOciManifest},
                {"digest", which},
                {"size", manifest_sizes_.at(which)},
                {"platform", {{"os", "linux"}, {"architecture", architecture}}}};
  };
  const json index{{"schemaVersion", 2},
                   {"mediaType", oci::media::kOciIndex},
                   {"manifests", {entry(other, "mips"), entry(digest, oci::host_architecture())}}};
  return push_manifest(name, index.dump(), oci::media::kOciIndex);
}

}  // namespace mayfly::support
