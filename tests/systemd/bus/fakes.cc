#include "tests/systemd/bus/fakes.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace mayfly::systemd {
namespace {

constexpr const char* kManager = "org.freedesktop.login1.Manager";
constexpr const char* kPath = "/org/freedesktop/login1";
constexpr const char* kUnit = "org.freedesktop.systemd1.Unit";
constexpr const char* kService = "org.freedesktop.systemd1.Service";

bool is_closed(int pipe) {
  pollfd state{pipe, POLLIN, 0};
  return ::poll(&state, 1, 0) > 0 && (state.revents & POLLHUP) != 0;
}

}  // namespace

Serving::Serving(sdbus::IConnection& connection)
    : connection_(connection), thread_([&connection] {
        try {
          connection.enterEventLoop();
        } catch (const sdbus::Error&) {
          return;  // the bus has gone
        }
      }) {}

Serving::~Serving() {
  connection_.leaveEventLoop();
  thread_.join();
}

FakeLogind::FakeLogind()
    : connection_(sdbus::createSystemBusConnection()),
      object_(sdbus::createObject(*connection_, kPath)) {
  object_->registerMethod("Inhibit").onInterface(kManager).implementedAs(
      [this](const std::string& what, const std::string& who, const std::string& why,
             const std::string& mode) {
        return inhibit({what, who, why, mode});
      });
  object_->registerProperty("InhibitDelayMaxUSec").onInterface(kManager).withGetter([this] {
    return delay_max_us.load();
  });
  object_->registerProperty("PreparingForShutdown").onInterface(kManager).withGetter([this] {
    ++looks_;
    return down_.load();
  });
  object_->registerSignal("PrepareForShutdown").onInterface(kManager).withParameters<bool>();
  object_->finishRegistration();
  connection_->requestName("org.freedesktop.login1");
  serving_.emplace(*connection_);
}

FakeLogind::~FakeLogind() {
  serving_.reset();
  for (const int pipe : pipes_) ::close(pipe);
}

sdbus::UnixFd FakeLogind::inhibit(const std::vector<std::string>& arguments) {
  if (refuses) throw sdbus::Error("org.freedesktop.DBus.Error.AccessDenied", "no lock for you");
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw sdbus::Error("no.pipe", "no pipe");
  const std::lock_guard lock(mutex_);
  pipes_.push_back(ends[0]);
  asked_ = arguments;
  client_ = object_->getCurrentlyProcessedMessage()->getSender();
  return {ends[1], sdbus::adopt_fd};
}

void FakeLogind::prepare(bool down) {
  down_ = down;
  object_->emitSignal("PrepareForShutdown").onInterface(kManager).withArguments(down);
}

void FakeLogind::forge(const std::string& client) {
  const auto stranger = sdbus::createSystemBusConnection();
  const auto object = sdbus::createObject(*stranger, kPath);
  sdbus::Signal signal = object->createSignal(kManager, "PrepareForShutdown");
  signal.setDestination(client);
  signal << true;
  object->emitSignal(signal);
  stranger->requestName("org.example.Stranger");  // an answer: the signal has been passed on
}

int FakeLogind::held() {
  const std::lock_guard lock(mutex_);
  return static_cast<int>(
      std::count_if(pipes_.begin(), pipes_.end(), [](int pipe) { return !is_closed(pipe); }));
}

std::vector<std::string> FakeLogind::asked() {
  const std::lock_guard lock(mutex_);
  return asked_;
}

std::string FakeLogind::client() {
  const std::lock_guard lock(mutex_);
  return client_;
}

FakeSystemd::FakeSystemd(const std::string& unit_path)
    : connection_(sdbus::createSystemBusConnection()),
      manager_(sdbus::createObject(*connection_, "/org/freedesktop/systemd1")),
      unit_(sdbus::createObject(*connection_, unit_path)) {
  manager_->registerMethod("Subscribe")
      .onInterface("org.freedesktop.systemd1.Manager")
      .implementedAs([this] { ++subscribers_; });
  manager_->finishRegistration();
  for (const char* property : {"LoadState", "ActiveState", "SubState"}) {
    unit_->registerProperty(property).onInterface(kUnit).withGetter(
        [this, property] { return get(property); });
  }
  unit_->registerProperty("Result").onInterface(kService).withGetter(
      [this] { return get("Result"); });
  unit_->finishRegistration();
  set({{"LoadState", "loaded"},
       {"ActiveState", "active"},
       {"SubState", "running"},
       {"Result", "success"}});
  connection_->requestName("org.freedesktop.systemd1");
  serving_.emplace(*connection_);
}

FakeSystemd::~FakeSystemd() {
  serving_.reset();
}

void FakeSystemd::set(const std::map<std::string, std::string>& properties) {
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, value] : properties) properties_[name] = value;
  }
  unit_->emitPropertiesChangedSignal(kUnit, {"ActiveState"});
}

std::string FakeSystemd::get(const std::string& property) {
  const std::lock_guard lock(mutex_);
  return properties_[property];
}

}  // namespace mayfly::systemd
