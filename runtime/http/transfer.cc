#include "runtime/http/transfer.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>

namespace mayfly::http {
namespace {

constexpr std::size_t kHeaderBytesMax = 64 << 10;  ///< of one answer, all together
constexpr long kConnectTimeoutMs = 5'000;
constexpr long kKeepAliveS = 10;
constexpr long kReadBytes = 64 << 10;

/// Of these the general words tell nothing, and TLS has more to say. Of others curl's own words
/// hold times and ports, and are never twice the same.
bool is_of_tls(CURLcode code) {
  constexpr std::array kCodes{CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION,
                              CURLE_SSL_CERTPROBLEM, CURLE_SSL_CACERT_BADFILE, CURLE_RECV_ERROR};
  return std::find(kCodes.begin(), kCodes.end(), code) != kCodes.end();
}

std::string lower(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](unsigned char byte) { return static_cast<char>(std::tolower(byte)); });
  return lower;
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

}  // namespace

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view kPlain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string encoded;
  for (const char byte : text) {
    if (kPlain.find(byte) != std::string_view::npos) {
      encoded.push_back(byte);
      continue;
    }
    const auto value = static_cast<unsigned char>(byte);
    encoded += {'%', kDigits[value >> 4], kDigits[value & 15]};
  }
  return encoded;
}

Transfer::Transfer(std::uint64_t id, const Server& server, Request request, Body body)
    : id_(id), handle_(curl_easy_init()), request_(std::move(request)), body_(body) {
  if (handle_ == nullptr) {
    fault_ = "no memory for a request";
    return;
  }
  set_options(server);
}

Transfer::~Transfer() {
  curl_easy_cleanup(handle_);
  curl_slist_free_all(header_list_);
  if (file_ != nullptr) std::fclose(file_);
}

void Transfer::set_options(const Server& server) {
  static_assert(std::tuple_size_v<decltype(said_)> >= CURL_ERROR_SIZE);
  curl_easy_setopt(handle_, CURLOPT_ERRORBUFFER, said_.data());
  curl_easy_setopt(handle_, CURLOPT_PRIVATE, this);
  curl_easy_setopt(handle_, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle_, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle_, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(handle_, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(handle_, CURLOPT_PROXY, "");  // whatever the environment says
  curl_easy_setopt(handle_, CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
  // curl resolves names on threads of its own, and waits for them at the end but with this.
  curl_easy_setopt(handle_, CURLOPT_QUICK_EXIT, 1L);
  curl_easy_setopt(handle_, CURLOPT_TCP_KEEPALIVE, 1L);  // a peer that is gone without a word
  curl_easy_setopt(handle_, CURLOPT_TCP_KEEPIDLE, kKeepAliveS);
  curl_easy_setopt(handle_, CURLOPT_TCP_KEEPINTVL, kKeepAliveS);
  curl_easy_setopt(handle_, CURLOPT_URL, request_.url.c_str());
  curl_easy_setopt(handle_, CURLOPT_PREREQDATA, this);
  curl_easy_setopt(handle_, CURLOPT_PREREQFUNCTION, &Transfer::on_sending);
  curl_easy_setopt(handle_, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(handle_, CURLOPT_HEADERFUNCTION, &Transfer::on_header);
  curl_easy_setopt(handle_, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(handle_, CURLOPT_WRITEFUNCTION, &Transfer::on_body);
  set_server(server);
  set_body();
  request_.headers.emplace_back("Expect", "");  // or curl waits a second for "100 Continue"
  for (const auto& [name, value] : request_.headers) {
    const auto line = value.empty() ? name + ":" : name + ": " + value;
    header_list_ = curl_slist_append(header_list_, line.c_str());
  }
  curl_easy_setopt(handle_, CURLOPT_HTTPHEADER, header_list_);
  curl_easy_setopt(handle_, CURLOPT_CUSTOMREQUEST, request_.method.c_str());
}

void Transfer::set_server(const Server& server) {
  const auto set = [this](CURLoption option, const std::string& value) {
    if (!value.empty()) curl_easy_setopt(handle_, option, value.c_str());
  };
  set(CURLOPT_UNIX_SOCKET_PATH, server.socket);
  if (!server.ca_file.empty()) {
    set(CURLOPT_CAINFO, server.ca_file);
    curl_easy_setopt(handle_, CURLOPT_CAPATH, nullptr);  // or the host's own would count, too
    // Or curl would hold on for a day to an authority that has been replaced.
    curl_easy_setopt(handle_, CURLOPT_CA_CACHE_TIMEOUT, 0L);
  }
  set(CURLOPT_SSLCERT, server.client_cert);
  set(CURLOPT_SSLKEY, server.client_key);
}

void Transfer::set_body() {
  if (request_.body_file.empty()) {
    if (request_.body.empty() && request_.method != "POST") return;
    curl_easy_setopt(handle_, CURLOPT_POST, 1L);
    curl_easy_setopt(handle_, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request_.body.size()));
    curl_easy_setopt(handle_, CURLOPT_POSTFIELDS, request_.body.data());
    return;
  }
  struct stat status {};
  file_ = std::fopen(request_.body_file.c_str(), "rbe");
  if (file_ == nullptr || fstat(fileno(file_), &status) != 0) {
    fault_ = request_.body_file + ": " + std::strerror(errno);
    return;
  }
  if (!S_ISREG(status.st_mode)) {
    fault_ = request_.body_file + ": it is no file";
    return;
  }
  curl_easy_setopt(handle_, CURLOPT_UPLOAD, 1L);
  curl_easy_setopt(handle_, CURLOPT_INFILESIZE_LARGE,
                   static_cast<curl_off_t>(request_.body.size()) + status.st_size);
  curl_easy_setopt(handle_, CURLOPT_UPLOAD_BUFFERSIZE, kReadBytes);
  curl_easy_setopt(handle_, CURLOPT_READDATA, this);
  curl_easy_setopt(handle_, CURLOPT_READFUNCTION, &Transfer::on_read);
}

/// Before each sending. Where a connection that it has used before turns out to be dead, curl sends
/// again, and has no option not to (7.88). By then the server may have done what was asked.
int Transfer::on_sending(void* self, char*, char*, int, int) {
  auto& transfer = *static_cast<Transfer*>(self);
  const bool again = std::exchange(transfer.begun_, true);
  return again && transfer.request_.method != "GET" ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

std::size_t Transfer::on_read(char* bytes, std::size_t size, std::size_t count, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  const auto wanted = size * count;
  const auto before = transfer.request_.body.copy(bytes, wanted, transfer.body_sent_);
  transfer.body_sent_ += before;
  const auto read = std::fread(bytes + before, 1, wanted - before, transfer.file_);
  const bool is_broken = read < wanted - before && std::ferror(transfer.file_) != 0;
  return is_broken ? CURL_READFUNC_ABORT : before + read;
}

std::size_t Transfer::on_header(char* bytes, std::size_t size, std::size_t count, void* self) {
  return static_cast<Transfer*>(self)->take_header({bytes, size * count}) ? size * count : 0;
}

std::size_t Transfer::on_body(char* bytes, std::size_t size, std::size_t count, void* self) {
  return static_cast<Transfer*>(self)->take_body({bytes, size * count}) ? size * count : 0;
}

bool Transfer::take_header(std::string_view line) {
  header_bytes_ += line.size();
  if (header_bytes_ > kHeaderBytesMax) {
    fault_ = "the answer's headers are too long";
    return false;
  }
  if (line.starts_with("HTTP/")) {  // also after an interim answer
    answer_.headers.clear();
    headers_whole_ = false;
    return true;
  }
  if (trimmed(line).empty()) {
    headers_whole_ = true;
    open_ = status() / 100 == 2;
    opened_ = changed_ = open_ && body_ == Body::kStreamed;
    return true;
  }
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return true;
  answer_.headers.emplace_back(lower(line.substr(0, colon)), trimmed(line.substr(colon + 1)));
  return true;
}

bool Transfer::take_body(std::string_view bytes) {
  const bool streamed = body_ == Body::kStreamed && open_;
  auto& into = streamed ? pieces_ : answer_.body;
  changed_ = changed_ || streamed;
  // What is streamed is taken after each turn of curl's, which reads a bounded amount.
  if (!streamed && into.size() + bytes.size() > request_.answer_bytes_max) {
    fault_ = "the answer is longer than " + std::to_string(request_.answer_bytes_max) + " bytes";
    return false;
  }
  into.append(bytes);
  return true;
}

int Transfer::status() const {
  long status = 0;
  curl_easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &status);
  return static_cast<int>(status);
}

bool Transfer::is_unsent() const {
  long sent = 0;
  curl_easy_getinfo(handle_, CURLINFO_REQUEST_SIZE, &sent);
  return !begun_ && sent == 0;
}

Reply Transfer::reply(int code) {
  // curl takes a connection that ends within the headers for an answer without a body.
  if (code == CURLE_OK && !headers_whole_) fault_ = "the answer was cut off";
  if (code == CURLE_OK && fault_.empty()) {
    answer_.status = status();
    return std::move(answer_);
  }
  const auto kind = is_unsent() ? Failure::Kind::kNotSent : Failure::Kind::kNoAnswer;
  if (!fault_.empty()) return tl::unexpected(Failure{kind, fault_});
  if (code == CURLE_ABORTED_BY_CALLBACK) {
    return tl::unexpected(Failure{kind, "the connection broke"});
  }
  const auto why = static_cast<CURLcode>(code);
  const bool has_more = is_of_tls(why) && said_.front() != '\0';
  return tl::unexpected(Failure{kind, has_more ? said_.data() : curl_easy_strerror(why)});
}

}  // namespace mayfly::http
