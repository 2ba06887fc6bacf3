#include "systemd/inhibitor.h"

#include <algorithm>
#include <utility>

namespace mayfly::systemd {
namespace {

using namespace std::chrono_literals;

constexpr const char* kLogind = "org.freedesktop.login1";
constexpr std::chrono::microseconds kDelayMaxDefault = 5s;  // logind's own
constexpr std::chrono::seconds kRetryFirst = 10s;
constexpr std::chrono::seconds kRetryMax = 300s;

Call of_manager(const char* method) {
  return {kLogind, "/org/freedesktop/login1", "org.freedesktop.login1.Manager", method};
}

/// Nothing is there that could be asked again.
bool is_absent(const Failure& failure) {
  return failure.name == "org.freedesktop.DBus.Error.ServiceUnknown" ||
         failure.name == "org.freedesktop.DBus.Error.NameHasNoOwner";
}

}  // namespace

Inhibitor::Inhibitor(boost::asio::io_context& loop, Bus& bus, Hooks hooks)
    : bus_(bus),
      hooks_(std::move(hooks)),
      retry_(loop),
      wait_(kRetryFirst),
      delay_max_(kDelayMaxDefault),
      alive_(std::make_shared<char>()) {
  const Call manager = of_manager("");
  bus.watch({kLogind, manager.path, manager.interface, "PrepareForShutdown"}, [this] { look(); });
  bus.watch(owner_of(kLogind), [this] { logind_changed(); });
  bus.add(*this);
}

void Inhibitor::let_go() {
  let_go_ = preparing_;
  lock_ = Descriptor();
}

void Inhibitor::bus_connected() {
  logind_changed();
}

void Inhibitor::bus_lost() {
  looking_ = false;
  look_again_ = false;
  taking_ = false;
  retry_.cancel();
}

void Inhibitor::logind_changed() {
  stale_ = true;
  wait_ = kRetryFirst;
  look();
}

void Inhibitor::look() {
  if (std::exchange(looking_, true)) {
    look_again_ = true;
    return;
  }
  hinted_ = Clock::now();
  retry_.cancel();
  bus_.call(get_property(of_manager(""), "InhibitDelayMaxUSec"), [this](const Reply& reply) {
    const auto* delay = reply ? std::get_if<std::uint64_t>(&*reply) : nullptr;
    const auto most = static_cast<std::uint64_t>(std::chrono::microseconds(24h).count());
    if (delay != nullptr) delay_max_ = std::chrono::microseconds(std::min(*delay, most));
    ask_whether();
  });
}

void Inhibitor::ask_whether() {
  bus_.call(get_property(of_manager(""), "PreparingForShutdown"), [this](const Reply& reply) {
    looking_ = false;
    looked(reply);
    if (std::exchange(look_again_, false)) look();
  });
}

void Inhibitor::looked(const Reply& preparing) {
  if (!preparing) return try_later(preparing.error());
  if (const bool* is_so = std::get_if<bool>(&*preparing)) judge(*is_so);
}

void Inhibitor::judge(bool preparing) {
  const bool before = std::exchange(preparing_, preparing);
  if (preparing) {
    if (!before) hooks_.shutdown_began(hinted_ + delay_max_);
    return;  // logind gives no lock now
  }
  let_go_ = false;
  take();
  if (before) hooks_.shutdown_cancelled();
}

void Inhibitor::take() {
  if (taking_ || (lock_ && !stale_)) return;
  taking_ = true;
  Call call = of_manager("Inhibit");
  call.arguments = {"shutdown", "mayfly", "Workers are given time to finish", "delay"};
  bus_.call(call, [this](Reply reply) {
    taking_ = false;
    taken(std::move(reply));
  });
}

void Inhibitor::taken(Reply reply) {
  if (!reply) return try_later(reply.error());
  auto* lock = std::get_if<Descriptor>(&*reply);
  if (lock == nullptr) return try_later({"", "logind gave no lock"});
  stale_ = false;
  wait_ = kRetryFirst;
  if (!let_go_) lock_ = std::exchange(*lock, Descriptor());
}

void Inhibitor::try_later(const Failure& failure) {
  hooks_.refused(failure.text);
  if (is_absent(failure)) return;  // its coming is watched for
  retry_.expires_after(wait_);
  wait_ = std::min(2 * wait_, kRetryMax);
  retry_.async_wait([this, alive = std::weak_ptr(alive_)](const boost::system::error_code& error) {
    if (!error && !alive.expired() && bus_.is_connected()) look();
  });
}

}  // namespace mayfly::systemd
