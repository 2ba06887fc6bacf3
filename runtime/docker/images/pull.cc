#include "runtime/docker/images/pull.h"

#include "runtime/docker/images/trouble.h"
#include "runtime/docker/json.h"
#include "runtime/encoding/base64.h"

namespace mayfly::docker {
namespace {

using namespace std::chrono_literals;
using runtime::Fault;
using runtime::FaultKind;

constexpr int kTriesMax = 5;
constexpr std::chrono::seconds kBackoffMin = 1s;
constexpr std::size_t kLineMax = 64 << 10;
constexpr const char* kDoing = "pull the image";

}  // namespace

std::string registry_auth(const registry::Credentials& credentials, const std::string& host) {
  Json document{{"serveraddress", host}};
  if (!credentials.identity_token.empty()) {
    document["identitytoken"] = credentials.identity_token;
  } else {
    document["username"] = credentials.username;
    document["password"] = credentials.password;
  }
  return encoding::to_base64url(document.dump(-1, ' ', false, Json::error_handler_t::replace));
}

Pull::Pull(boost::asio::io_context& loop, Backend& backend, registry::Resolver& resolver, Plan plan)
    : backend_(backend),
      resolver_(resolver),
      plan_(std::move(plan)),
      lines_(kLineMax),
      timer_(loop),
      alive_(std::make_shared<char>()) {
  pulling_.name = plan_.name_wanted;
  pulling_.digest = plan_.names.digest;
  pulling_.since = std::chrono::steady_clock::now();
}

Pull::~Pull() {
  if (stream_) backend_.engine.cancel(*stream_);
}

void Pull::begin(Done done) {
  done_ = std::move(done);
  log_in();
}

runtime::Pulling Pull::tell() const {
  auto pulling = pulling_;
  progress_.tell(pulling, plan_.size_bytes);
  return pulling;
}

/// Each time anew: a password may have been renewed meanwhile.
void Pull::log_in() {
  resolver_.credentials(
      plan_.names.pinned(),
      [this, alive = std::weak_ptr(alive_)](runtime::Result<registry::Credentials> credentials) {
        if (alive.expired()) return;
        if (!credentials) return finish(tl::unexpected(std::move(credentials.error())));
        const bool is_anonymous =
            credentials->username.empty() && credentials->identity_token.empty();
        ask(is_anonymous ? "" : registry_auth(*credentials, plan_.names.reference->host));
      });
}

void Pull::ask(const std::string& authorization) {
  progress_ = {};
  lines_.clear();
  Call call;
  call.method = "POST";
  call.path =
      "/images/create?fromImage=" + http::percent_encoded(plan_.names.reference->repository()) +
      "&tag=" + http::percent_encoded(plan_.names.digest);
  if (!authorization.empty()) call.headers.emplace_back("X-Registry-Auth", authorization);
  stream_ =
      backend_.engine.stream(std::move(call), {{}, [this](std::string_view bytes) { take(bytes); }},
                             [this](const http::Reply& reply) { ended(reply); });
  expect_progress();
}

void Pull::take(std::string_view bytes) {
  bool further = false;
  lines_.take(bytes, [&](std::string_view line) { further = progress_.take(line) || further; });
  if (!further) return;
  pulling_.waiting_for.clear();
  expect_progress();
}

void Pull::expect_progress() {
  timer_.expires_after(backend_.options.pull_silence_max);
  timer_.async_wait([this, alive = std::weak_ptr(alive_)](auto error) {
    if (!error && !alive.expired()) stalled();
  });
}

void Pull::stalled() {
  if (stream_) backend_.engine.cancel(*stream_);
  stream_.reset();
  const http::Failure failure{http::Failure::Kind::kNotSent, "it came no further for too long"};
  fail(fault_of(failure, backend_.doing(kDoing)));
}

void Pull::ended(const http::Reply& reply) {
  stream_.reset();
  timer_.cancel();
  if (is_success(reply) && progress_.fault().empty()) return look();
  auto fault = fault_of(reply, backend_.doing(kDoing));
  if (is_success(reply)) {
    const http::Answer said{500, {}, progress_.fault()};
    fault = fault_of(said, backend_.doing(kDoing));
  }
  if (reply && fault.kind != FaultKind::kNotFound) fault.kind = kind_of_pull_fault(fault.what);
  fail(std::move(fault));
}

/// Whatever it said: the image is here, or it is not.
void Pull::look() {
  Call call;
  call.path = image_path(plan_.names.pinned(), "/json");
  backend_.engine.call(
      std::move(call), [this, alive = std::weak_ptr(alive_)](const http::Reply& reply) {
        if (alive.expired()) return;
        auto image = is_answer(reply, 200) ? read_image(reply->body) : std::nullopt;
        if (image && is_it(*image, plan_.names)) return finish(std::move(*image));
        auto fault = fault_of(reply, backend_.doing("look for what it pulled"));
        fault.kind = FaultKind::kFailed;
        fail(std::move(fault));
      });
}

/// A daemon that has gone away may come back, too.
void Pull::fail(Fault fault) {
  const bool may_pass = fault.kind == FaultKind::kFailed || fault.kind == FaultKind::kUnknown;
  if (!may_pass || ++tries_ >= kTriesMax) {
    if (may_pass) fault.kind = FaultKind::kFailed;
    return finish(tl::unexpected(std::move(fault)));
  }
  pulling_.waiting_for = fault.what;
  timer_.expires_after(kBackoffMin * (1 << (tries_ - 1)));
  timer_.async_wait([this, alive = std::weak_ptr(alive_)](auto error) {
    if (!error && !alive.expired()) log_in();
  });
}

void Pull::finish(runtime::Result<LocalImage> result) {
  timer_.cancel();
  const auto done = std::move(done_);
  done(std::move(result));
}

}  // namespace mayfly::docker
