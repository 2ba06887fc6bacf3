#include "runtime/registry/client.h"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <random>
#include <utility>

#include "runtime/oci/digest.h"
#include "runtime/oci/image.h"
#include "runtime/registry/address.h"
#include "runtime/registry/blob_transfer.h"
#include "runtime/registry/trouble.h"

namespace mayfly::registry {

using runtime::Fault;
using runtime::FaultKind;

namespace {

constexpr int kRedirectsMax = 5;
constexpr std::size_t kWordsBytesMax = 16 * 1024;                 ///< of a refusal's explanation
constexpr std::uint64_t kProgressBytes = std::uint64_t{1} << 20;  ///< that begin the tries anew

const std::string& accepted() {
  static const std::string header = std::string("Accept: ") + oci::media::kOciIndex + ", " +
                                    oci::media::kOciManifest + ", " + oci::media::kDockerList +
                                    ", " + oci::media::kDockerManifest;
  return header;
}

bool is_redirect(const HttpReply& reply) {
  constexpr std::array kCodes{301L, 302L, 303L, 307L, 308L};
  return !reply.redirect.empty() && std::ranges::find(kCodes, reply.status) != kCodes.end();
}

/// "application/x; charset=utf-8" without what follows, and nothing that is no media type.
std::string media_type(const HttpReply& reply) {
  auto type = reply.header("content-type");
  type = type.substr(0, type.find(';'));
  const bool plain = std::ranges::all_of(type, [](char byte) { return byte > ' ' && byte <= '~'; });
  return plain && type.size() <= 255 ? type : std::string();
}

}  // namespace

/// A transport of the client's, for one request.
class Client::Loan {
 public:
  explicit Loan(Client& client) : client_(client) {
    const std::lock_guard lock(client.mutex_);
    if (client.idle_.empty()) {
      transport_ = std::make_unique<Transport>(
          Transport::Bounds{client.patience_.connect, client.patience_.stall}, client.stop_);
    } else {
      transport_ = std::move(client.idle_.back());
      client.idle_.pop_back();
    }
  }
  ~Loan() {
    const std::lock_guard lock(client_.mutex_);
    client_.idle_.push_back(std::move(transport_));
  }
  Loan(const Loan&) = delete;
  Loan& operator=(const Loan&) = delete;
  Transport& operator*() { return *transport_; }

 private:
  Client& client_;
  std::unique_ptr<Transport> transport_;
};

Client::Client(const Options& options, Reference reference, Patience patience, std::stop_token stop)
    : options_(options),
      reference_(std::move(reference)),
      patience_(patience),
      stop_(stop),
      base_(base_url(options, reference_.host)),
      authorizer_(options, reference_, stop) {}

Client::~Client() = default;

std::string Client::url(const std::string& kind, const std::string& version) const {
  return base_ + "/v2/" + reference_.path + "/" + kind + "/" + version;
}

Asked Client::asked(std::string what) {
  return {reference_.host, std::move(what), authorizer_.user()};
}

/// False: stopped meanwhile.
bool Client::pause(const Trouble& trouble, int tries_left) {
  thread_local std::minstd_rand random{std::random_device{}()};
  const auto made = std::clamp(patience_.tries - tries_left, 1, 16) - 1;
  auto wait = std::min(patience_.backoff * (1 << made), patience_.backoff_max);
  wait += wait * std::uniform_int_distribution<int>(0, 50)(random) / 100;
  if (trouble.wait) wait = std::clamp(*trouble.wait, wait, patience_.retry_after_max);
  if (on_wait_) on_wait_(trouble.fault.what);
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop_, wait, [] { return false; });
  if (on_wait_) on_wait_({});
  return !stop_.stop_requested();
}

template <class T>
runtime::Result<T> Client::persist(const std::function<Try<T>()>& attempt,
                                   const std::function<std::uint64_t()>& progress) {
  auto left = patience_.tries;
  auto reached = progress();
  for (;;) {
    auto got = attempt();
    if (got) return std::move(*got);
    auto& trouble = got.error();
    if (trouble.cost == 0) return tl::unexpected(std::move(trouble.fault));
    if (progress() >= reached + kProgressBytes) {
      reached = progress();
      left = patience_.tries;
    }
    left -= trouble.cost;
    if (left <= 0 || !pause(trouble, left)) return tl::unexpected(std::move(trouble.fault));
  }
}

/// One try: with a login if one is asked for, and through redirects.
Client::Try<HttpReply> Client::ask(HttpRequest request, const std::string& what) {
  request.body_bytes_max = std::max(request.body_bytes_max, kWordsBytesMax);
  const auto registry = options_.registries.find(reference_.host);
  if (registry != options_.registries.end()) request.ca_file = registry->second.ca_file;
  Loan transport(*this);
  const auto& home = request.url;
  const auto plain_headers = request.headers;
  bool renewed = false;
  for (;;) {
    const auto used = authorizer_.header();
    request.headers = plain_headers;
    if (!used.empty()) request.headers.push_back("Authorization: " + used);
    const auto reply = (*transport).perform(request);
    if (!reply) return tl::unexpected(trouble_of(reply.error(), asked(what)));
    if (reply->status == 401 && !std::exchange(renewed, true)) {
      const auto renewal = authorizer_.renew(*transport, *reply, used);
      if (!renewal) return tl::unexpected(renewal.error());
      if (*renewal == Authorizer::Renewal::kNew) continue;
    }
    if (!is_redirect(*reply)) return *reply;
    request.headers = plain_headers;
    if (origin_of(reply->redirect) == origin_of(home) && !used.empty()) {
      request.headers.push_back("Authorization: " + used);
    }
    request.url = reply->redirect;
    return follow(*transport, std::move(request), asked(what));
  }
}

/// To wherever a registry keeps its bytes. The login stays at home from the first other host on.
Client::Try<HttpReply> Client::follow(Transport& transport, HttpRequest request,
                                      const Asked& about) {
  const auto is_login = [](const std::string& line) { return line.starts_with("Authorization:"); };
  for (int hops = 0; hops < kRedirectsMax; ++hops) {
    if (!is_allowed(options_, request.url)) {
      return tl::unexpected(refused("registry " + reference_.host + " sends for " + about.what +
                                    " to " + shown(origin_of(request.url).value_or("no URL")) +
                                    ", which is not asked: no TLS"));
    }
    const auto reply = transport.perform(request);
    if (!reply) return tl::unexpected(trouble_of(reply.error(), about));
    if (!is_redirect(*reply)) return *reply;
    if (origin_of(reply->redirect) != origin_of(request.url)) {
      std::erase_if(request.headers, is_login);
    }
    request.url = reply->redirect;
  }
  return tl::unexpected(
      refused("registry " + reference_.host + " sends for " + about.what + " round in circles"));
}

runtime::Result<Client::Document> Client::manifest(const std::string& version) {
  const auto what = reference_.path + (oci::is_digest(version) ? "@" : ":") + version;
  const auto attempt = [&]() -> Try<Document> {
    HttpRequest request;
    request.url = url("manifests", version);
    request.headers = {accepted()};
    request.body_bytes_max = static_cast<std::size_t>(oci::kDocumentBytesMax);
    auto reply = ask(std::move(request), what);
    if (!reply) return tl::unexpected(std::move(reply.error()));
    if (reply->status != 200) return tl::unexpected(trouble_of(*reply, asked(what)));
    Document document{{media_type(*reply), oci::sha256_digest(reply->body), 0},
                      std::move(reply->body)};
    document.blob.size = static_cast<std::int64_t>(document.bytes.size());
    const auto said = reply->header("docker-content-digest");
    const auto& wanted = oci::is_digest(version) ? version : said;
    if (oci::is_digest(wanted) && wanted != document.blob.digest) {
      return tl::unexpected(corrupted("registry " + reference_.host + " sends for " + what +
                                      " what has another digest"));
    }
    return document;
  };
  return persist<Document>(attempt, [] { return std::uint64_t{0}; });
}

runtime::Result<std::string> Client::digest_of(const std::string& version) {
  const auto what = reference_.path + ":" + version;
  const auto attempt = [&]() -> Try<std::string> {
    HttpRequest request;
    request.method = HttpRequest::Method::kHead;
    request.url = url("manifests", version);
    request.headers = {accepted()};
    const auto reply = ask(std::move(request), what);
    if (!reply) return tl::unexpected(reply.error());
    if (reply->status == 405) return std::string();
    if (reply->status != 200) return tl::unexpected(trouble_of(*reply, asked(what)));
    auto digest = reply->header("docker-content-digest");
    return oci::is_digest(digest) ? std::move(digest) : std::string();
  };
  return persist<std::string>(attempt, [] { return std::uint64_t{0}; });
}

/// One try for a blob: what is there of it is not fetched again.
Client::Try<std::monostate> Client::fetch_once(BlobTransfer& transfer) {
  if (auto prepared = transfer.prepare(); !prepared) return prepared;
  if (!transfer.is_whole()) {
    auto request = transfer.request();
    request.url = url("blobs", transfer.blob().digest);
    const auto reply = ask(std::move(request), transfer.blob().digest);
    if (auto fault = transfer.own_trouble()) return tl::unexpected(std::move(*fault));
    if (!reply) return tl::unexpected(reply.error());
    if (reply->status != 200 && reply->status != 206 && reply->status != 416) {
      return tl::unexpected(trouble_of(*reply, asked(transfer.blob().digest)));
    }
  }
  return transfer.conclude();
}

runtime::Result<std::monostate> Client::fetch(const oci::Blob& blob, BlobSink& sink) {
  BlobTransfer transfer(blob, sink, {reference_.host, blob.digest, {}});
  return persist<std::monostate>([&] { return fetch_once(transfer); },
                                 [&] { return sink.offset(); });
}

runtime::Result<std::string> Client::document(const oci::Blob& blob) {
  struct Memory final : BlobSink {
    [[nodiscard]] std::uint64_t offset() const override { return bytes.size(); }
    Result<std::monostate> write(std::string_view piece) override {
      bytes += piece;
      return std::monostate{};
    }
    Result<std::monostate> restart() override {
      bytes.clear();
      return std::monostate{};
    }
    std::string bytes;
  } memory;
  if (blob.size > oci::kDocumentBytesMax) {
    return tl::unexpected(refused("the image: " + blob.digest + " is too large").fault);
  }
  auto fetched = fetch(blob, memory);
  if (!fetched) return tl::unexpected(std::move(fetched.error()));
  return std::move(memory.bytes);
}

}  // namespace mayfly::registry
