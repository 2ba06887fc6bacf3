#include "runtime/registry/transport.h"

#include <curl/curl.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>

namespace mayfly::registry {
namespace {

using Clock = std::chrono::steady_clock;
using Kind = HttpFailure::Kind;

constexpr std::size_t kHeadBytesMax = 64 * 1024;
constexpr long kReadBytes = 256 * 1024;
constexpr int kPollMax = 1000;

HttpFailure failure(Kind kind, std::string what) {
  return {kind, std::move(what)};
}

Kind kind_of(CURLcode code) {
  if (code == CURLE_PEER_FAILED_VERIFICATION) return Kind::kUntrusted;
  if (code == CURLE_SSL_CACERT_BADFILE || code == CURLE_SSL_ISSUER_ERROR) return Kind::kUntrusted;
  if (code == CURLE_SSL_CONNECT_ERROR || code == CURLE_SSL_CIPHER) return Kind::kNoTls;
  if (code == CURLE_PARTIAL_FILE || code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR ||
      code == CURLE_GOT_NOTHING) {
    return Kind::kCut;
  }
  if (code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY ||
      code == CURLE_COULDNT_CONNECT) {
    return Kind::kUnreachable;
  }
  if (code == CURLE_OPERATION_TIMEDOUT) return Kind::kUnanswered;
  return Kind::kBroken;
}

/// curl takes one bundle; the host's own goes into it. Empty: one of them cannot be read.
std::string bundle_with(const std::string& ca_file) {
  std::string bundle;
  const char* own = curl_version_info(CURLVERSION_NOW)->cainfo;
  for (const std::string& file : {std::string(own == nullptr ? "" : own), ca_file}) {
    std::ifstream in(file, std::ios::binary);
    if (!in && file == ca_file) return {};
    bundle.append(std::istreambuf_iterator<char>(in), {});
    bundle += '\n';
  }
  return bundle;
}

struct Headers {
  curl_slist* list = nullptr;
  ~Headers() { curl_slist_free_all(list); }
};

/// One transfer: what curl calls back into.
struct Transfer {
  const HttpRequest& request;
  CURL* easy;
  HttpReply reply;
  std::optional<HttpFailure> failure;
  Clock::time_point heard = Clock::now();
  std::size_t head_bytes = 0;
  bool begun = false;

  bool take_header(std::string_view line);
  bool take_body(std::string_view piece);
  bool give_up(Kind kind, const char* what) {
    failure = HttpFailure{kind, what};
    return false;
  }
};

bool Transfer::take_header(std::string_view line) {
  heard = Clock::now();
  head_bytes += line.size();
  if (head_bytes > kHeadBytesMax) return give_up(Kind::kTooLarge, "the head is too large");
  if (line.starts_with("HTTP/")) reply.headers.clear();  // of an interim answer, or a proxy's
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return true;
  std::string name(line.substr(0, colon));
  std::ranges::transform(name, name.begin(), [](char byte) {
    return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte - 'A' + 'a') : byte;
  });
  auto value = line.substr(colon + 1);
  const auto first = value.find_first_not_of(" \t");
  value = first == std::string_view::npos ? std::string_view() : value.substr(first);
  value = value.substr(0, value.find_last_not_of(" \t\r\n") + 1);
  reply.headers[std::move(name)].emplace_back(value);
  return true;
}

bool Transfer::take_body(std::string_view piece) {
  heard = Clock::now();
  if (reply.status == 0) curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &reply.status);
  const bool wanted = reply.status == 200 || reply.status == 206;
  if (wanted && request.take) {
    if (!begun && request.begin && !request.begin(reply)) {
      return give_up(Kind::kGivenUp, "not what was asked for");
    }
    begun = true;
    const bool more = request.take(piece);
    heard = Clock::now();  // what the taker took its time for is not the server's silence
    return more || give_up(Kind::kGivenUp, "not wanted any more");
  }
  // What explains a failure is read as far as it goes, and no further.
  const auto room = request.body_bytes_max - std::min(request.body_bytes_max, reply.body.size());
  if (wanted && piece.size() > room) return give_up(Kind::kTooLarge, "the answer is too large");
  reply.body.append(piece.substr(0, room));
  return piece.size() <= room;
}

std::size_t on_header(char* bytes, std::size_t size, std::size_t count, void* transfer) {
  const bool go_on = static_cast<Transfer*>(transfer)->take_header({bytes, size * count});
  return go_on ? size * count : 0;
}

std::size_t on_body(char* bytes, std::size_t size, std::size_t count, void* transfer) {
  const bool go_on = static_cast<Transfer*>(transfer)->take_body({bytes, size * count});
  return go_on ? size * count : 0;
}

}  // namespace

struct Transport::Curl {
  Curl() {
    static const CURLcode once = curl_global_init(CURL_GLOBAL_DEFAULT);
    static_cast<void>(once);
    multi = curl_multi_init();
    easy = curl_easy_init();
  }
  ~Curl() {
    curl_easy_cleanup(easy);
    curl_multi_cleanup(multi);
  }
  Curl(const Curl&) = delete;
  Curl& operator=(const Curl&) = delete;

  void prepare(Transfer& transfer, const Bounds& bounds, Headers& headers);
  [[nodiscard]] CURLcode run(Transfer& transfer, const Bounds& bounds, const std::stop_token& stop);
  void finish(Transfer& transfer);

  CURLM* multi = nullptr;
  CURL* easy = nullptr;
  char words[CURL_ERROR_SIZE] = {};
};

void Transport::Curl::prepare(Transfer& transfer, const Bounds& bounds, Headers& headers) {
  const auto& request = transfer.request;
  curl_easy_reset(easy);  // keeps its connections
  words[0] = '\0';
  curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "mayfly");
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, words);
  curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, kReadBytes);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(bounds.connect.count()));
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
  for (const auto& line : request.headers) {
    headers.list = curl_slist_append(headers.list, line.c_str());
  }
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers.list);
  if (request.method == HttpRequest::Method::kHead) curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
  if (request.method == HttpRequest::Method::kPost) {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, static_cast<long>(request.form.size()));
    curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, request.form.c_str());
  }
}

CURLcode Transport::Curl::run(Transfer& transfer, const Bounds& bounds,
                              const std::stop_token& stop) {
  int running = 1;
  while (running > 0) {
    if (curl_multi_perform(multi, &running) != CURLM_OK) return CURLE_FAILED_INIT;
    if (running == 0) break;
    if (stop.stop_requested()) {
      transfer.failure = failure(Kind::kStopped, "the daemon is stopping");
      return CURLE_ABORTED_BY_CALLBACK;
    }
    const auto silence = Clock::now() - transfer.heard;
    const auto most = transfer.head_bytes == 0 ? bounds.connect + bounds.stall : bounds.stall;
    if (silence >= most) {
      transfer.failure = failure(
          Kind::kStalled, "nothing came for " + std::to_string(bounds.stall.count()) + " ms");
      return CURLE_OPERATION_TIMEDOUT;
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(most - silence).count();
    curl_multi_poll(multi, nullptr, 0, static_cast<int>(std::min<long>(left, kPollMax)), nullptr);
  }
  int queued = 0;
  const CURLMsg* message = curl_multi_info_read(multi, &queued);
  return message == nullptr ? CURLE_FAILED_INIT : message->data.result;
}

void Transport::Curl::finish(Transfer& transfer) {
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &transfer.reply.status);
  const char* redirect = nullptr;
  curl_easy_getinfo(easy, CURLINFO_REDIRECT_URL, &redirect);
  if (redirect != nullptr) transfer.reply.redirect = redirect;
}

Transport::Transport(Bounds bounds, std::stop_token stop)
    : curl_(std::make_unique<Curl>()), bounds_(bounds), stop_(std::move(stop)) {}

Transport::~Transport() = default;

tl::expected<HttpReply, HttpFailure> Transport::perform(const HttpRequest& request) {
  Transfer transfer{request, curl_->easy, {}, {}};
  Headers headers;
  curl_->prepare(transfer, bounds_, headers);
  if (!request.ca_file.empty()) {
    const auto bundle = bundle_with(request.ca_file);
    if (bundle.empty()) {
      return tl::unexpected(failure(Kind::kUntrusted, request.ca_file + " cannot be read"));
    }
    curl_blob blob{const_cast<char*>(bundle.data()), bundle.size(), CURL_BLOB_COPY};
    curl_easy_setopt(curl_->easy, CURLOPT_CAINFO_BLOB, &blob);
  }
  curl_multi_add_handle(curl_->multi, curl_->easy);
  const std::stop_callback wake(stop_, [this] { curl_multi_wakeup(curl_->multi); });
  const auto code = curl_->run(transfer, bounds_, stop_);
  curl_->finish(transfer);
  curl_multi_remove_handle(curl_->multi, curl_->easy);
  if (transfer.failure) return tl::unexpected(std::move(*transfer.failure));
  // A refusal whose explanation was too long to read is still a refusal.
  const bool explained = transfer.reply.status >= 300 && code == CURLE_WRITE_ERROR;
  if (code == CURLE_OK || explained) return std::move(transfer.reply);
  const std::string words = curl_->words[0] == '\0' ? curl_easy_strerror(code) : curl_->words;
  return tl::unexpected(failure(kind_of(code), words));
}

}  // namespace mayfly::registry
