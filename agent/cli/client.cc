#include "agent/cli/client.h"

#include <curl/curl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>

#include "agent/cli/text.h"

namespace mayfly::cli {
namespace {

constexpr std::size_t kAnswerMax = 64UL * 1024 * 1024;
constexpr long kConnectTimeoutMs = 5000;

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

/// 0, or the errno of a connection attempt: libcurl does not say which it was.
int probe(const std::string& socket_path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket_path.size() >= sizeof address.sun_path) return ENAMETOOLONG;
  std::memcpy(address.sun_path, socket_path.c_str(), socket_path.size() + 1);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return errno;
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  const int error = connect(fd, generic, sizeof address) == 0 ? 0 : errno;
  close(fd);
  return error;
}

ExitCode code_of(long status) {
  switch (status) {
    case 404:
      return ExitCode::kNotFound;
    case 403:
    case 409:
      return ExitCode::kRefused;
    case 408:
    case 504:
      return ExitCode::kTimedOut;
    default:
      return ExitCode::kError;
  }
}

Failure failure_of(long status, const std::string& body) {
  const Json json = Json::parse(body, nullptr, false);
  const auto pointer = Json::json_pointer("/error/message");
  if (json.is_object() && json.contains(pointer) && json[pointer].is_string()) {
    return {code_of(status), printable(json[pointer].get<std::string>())};
  }
  return {code_of(status), "the daemon answered with status " + std::to_string(status)};
}

}  // namespace

struct Client::Transfer {
  std::string method = "GET";
  std::string target;
  const std::string* body = nullptr;
  std::FILE* file = nullptr;
  curl_off_t file_size = 0;
  long timeout_ms = 0;                         ///< 0 = none
  std::function<bool(std::string_view)> take;  ///< of a good answer; else it is collected

  CURL* curl = nullptr;
  long status = 0;
  std::string answer;
  bool too_large = false;
  bool stopped = false;

  bool receive(std::string_view bytes) {
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (take && status == 200) {
      stopped = !take(bytes);
      return !stopped;
    }
    too_large = answer.size() + bytes.size() > kAnswerMax;
    if (!too_large) answer += bytes;
    return !too_large;
  }

  static std::size_t on_bytes(char* bytes, std::size_t size, std::size_t count, void* self) {
    const std::size_t total = size * count;
    return static_cast<Transfer*>(self)->receive({bytes, total}) ? total : 0;
  }
};

Client::Client(std::string socket) : socket_(std::move(socket)) {
  curl_global_init(CURL_GLOBAL_DEFAULT);
  curl_ = curl_easy_init();
}

Client::~Client() {
  curl_easy_cleanup(curl_);
  curl_global_cleanup();
}

Failure Client::unreachable() const {
  const int error = probe(socket_);
  if (error == EACCES || error == EPERM) {
    return {ExitCode::kRefused,
            "no permission for " + socket_ + ": run as root, or as a member of the socket's group"};
  }
  return {ExitCode::kNoDaemon,
          "no daemon answers on " + socket_ + (error == 0 ? "" : ": ") +
              (error == 0 ? "" : std::strerror(error)) +
              "; start it with `systemctl start mayflyd`, or name another socket with --socket"};
}

void Client::prepare(Transfer& transfer) {
  transfer.curl = curl_;
  curl_easy_reset(curl_);
  curl_easy_setopt(curl_, CURLOPT_UNIX_SOCKET_PATH, socket_.c_str());
  curl_easy_setopt(curl_, CURLOPT_URL, ("http://mayfly" + transfer.target).c_str());
  curl_easy_setopt(curl_, CURLOPT_PROXY, "");
  curl_easy_setopt(curl_, CURLOPT_PROTOCOLS_STR, "http");
  curl_easy_setopt(curl_, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl_, CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
  curl_easy_setopt(curl_, CURLOPT_TIMEOUT_MS, transfer.timeout_ms);
  curl_easy_setopt(curl_, CURLOPT_WRITEFUNCTION, &Transfer::on_bytes);
  curl_easy_setopt(curl_, CURLOPT_WRITEDATA, &transfer);
  if (transfer.body != nullptr) {
    curl_easy_setopt(curl_, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(transfer.body->size()));
    curl_easy_setopt(curl_, CURLOPT_POSTFIELDS, transfer.body->c_str());
  } else if (transfer.file != nullptr) {
    curl_easy_setopt(curl_, CURLOPT_POST, 1L);
    curl_easy_setopt(curl_, CURLOPT_READDATA, transfer.file);
    curl_easy_setopt(curl_, CURLOPT_POSTFIELDSIZE_LARGE, transfer.file_size);
  }
  curl_easy_setopt(curl_, CURLOPT_CUSTOMREQUEST, transfer.method.c_str());
}

Outcome Client::perform(Transfer& transfer) {
  if (curl_ == nullptr) return fail(ExitCode::kError, "libcurl cannot be used");
  prepare(transfer);
  // No "Expect: 100-continue": it costs a round trip and the daemon refuses without reading anyway.
  const std::unique_ptr<curl_slist, FreeList> headers(
      curl_slist_append(curl_slist_append(nullptr, "Expect:"), "Content-Type: application/json"));
  curl_easy_setopt(curl_, CURLOPT_HTTPHEADER, headers.get());
  const CURLcode code = curl_easy_perform(curl_);
  curl_easy_getinfo(curl_, CURLINFO_RESPONSE_CODE, &transfer.status);
  if (transfer.too_large) return fail(ExitCode::kError, "the daemon's answer is too large");
  if (transfer.stopped) return {};
  if (code == CURLE_COULDNT_CONNECT) return tl::unexpected(unreachable());
  if (code == CURLE_OPERATION_TIMEDOUT) {
    return fail(ExitCode::kTimedOut, "the daemon did not answer in time; it may still do it");
  }
  // An answer that came whole before the upload was read to its end is the answer.
  if (code != CURLE_OK && transfer.status < 400) {
    return fail(ExitCode::kError,
                "the connection to the daemon broke: " + std::string(curl_easy_strerror(code)));
  }
  if (transfer.status < 300) return {};
  return tl::unexpected(failure_of(transfer.status, transfer.answer));
}

namespace {

Result<Json> parse_answer(const std::string& text) {
  Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) return fail(ExitCode::kError, "the daemon's answer is not JSON");
  return json;
}

}  // namespace

Result<Json> Client::call(const Request& request) {
  Transfer transfer;
  transfer.method = request.method;
  transfer.target = request.target;
  transfer.timeout_ms = static_cast<long>(request.timeout.count());
  if (request.method == "POST") transfer.body = &request.body;
  if (const auto done = perform(transfer); !done) return tl::unexpected(done.error());
  return parse_answer(transfer.answer);
}

Outcome Client::stream(const std::string& target,
                       const std::function<bool(std::string_view)>& take) {
  return stream(Request{.target = target, .body = {}}, take);
}

Outcome Client::stream(const Request& request, const std::function<bool(std::string_view)>& take) {
  Transfer transfer;
  transfer.method = request.method;
  transfer.target = request.target;
  if (request.method == "POST") transfer.body = &request.body;
  transfer.take = take;
  return perform(transfer);
}

Result<Json> Client::upload(const std::string& target, const std::string& file) {
  const std::unique_ptr<std::FILE, CloseFile> opened(std::fopen(file.c_str(), "re"));
  struct stat status {};
  if (!opened || fstat(fileno(opened.get()), &status) != 0) {
    return fail(ExitCode::kError, file + ": " + std::strerror(errno));
  }
  if (!S_ISREG(status.st_mode)) return fail(ExitCode::kError, file + ": not a file");
  Transfer transfer;
  transfer.method = "POST";
  transfer.target = target;
  transfer.file = opened.get();
  transfer.file_size = status.st_size;
  if (const auto done = perform(transfer); !done) return tl::unexpected(done.error());
  return parse_answer(transfer.answer);
}

}  // namespace mayfly::cli
