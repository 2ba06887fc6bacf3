#include "systemd/bus.h"

#include <poll.h>
#include <sdbus-c++/sdbus-c++.h>

#include <algorithm>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>

namespace mayfly::systemd {
namespace {

using namespace std::chrono_literals;

constexpr auto kCallTimeout = 10s;
constexpr std::chrono::milliseconds kRetryFirst = 1s;
constexpr std::chrono::milliseconds kRetryMax = 60s;
/// Others on the loop have their turn after so many.
constexpr int kMessagesAtATime = 32;

Value read_variant(const sdbus::Variant& variant) {
  const std::string type = variant.peekValueType();
  if (type == "b") return variant.get<bool>();
  if (type == "t") return variant.get<std::uint64_t>();
  if (type == "s") return variant.get<std::string>();
  return {};
}

Value read_first(sdbus::Message& message) {
  std::string type;
  std::string contents;
  message.peekType(type, contents);
  if (type == "v") {
    sdbus::Variant variant;
    message >> variant;
    return read_variant(variant);
  }
  if (type == "h") {
    sdbus::UnixFd descriptor;
    message >> descriptor;
    return Descriptor(descriptor.release());
  }
  return {};
}

Reply read_reply(sdbus::Message& message, const sdbus::Error* error) {
  if (error != nullptr) return tl::unexpected(Failure{error->getName(), error->getMessage()});
  try {
    return read_first(message);
  } catch (const sdbus::Error& unreadable) {
    return tl::unexpected(Failure{unreadable.getName(), unreadable.getMessage()});
  }
}

std::string rule_of(const Match& match) {
  std::string rule = "type='signal',sender='" + match.sender + "',path='" + match.path +
                     "',interface='" + match.interface + "',member='" + match.member + "'";
  if (!match.argument.empty()) rule += ",arg0='" + match.argument + "'";
  return rule;
}

}  // namespace

Call get_property(Call object, const std::string& property) {
  object.arguments = {std::exchange(object.interface, "org.freedesktop.DBus.Properties"), property};
  object.method = "Get";
  return object;
}

Match owner_of(const std::string& service) {
  return {"org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
          "NameOwnerChanged", service};
}

/// `ended` is true from the destruction of the bus on.
struct Bus::Life {
  std::mutex mutex;
  bool ended = false;
};

struct Bus::Retry {
  explicit Retry(boost::asio::io_context& loop) : timer(loop) {}
  boost::asio::steady_timer timer;
  std::chrono::milliseconds wait = kRetryFirst;
  bool was_connected = false;
};

/// sdbus-c++ 1.2 has no descriptor of its own for wake-ups: after whatever is sent, what it wants
/// to be polled for is asked for again.
class Bus::Line {
  /// Does nothing for what was cancelled, nor once this is destroyed.
  template <class Handler>
  auto guarded(Handler handler) {
    return [alive = std::weak_ptr<int>(alive_), handler](auto... error) {
      if (!alive.expired() && !(static_cast<bool>(error) || ...)) handler();
    };
  }

 public:
  explicit Line(const std::vector<Watch>& watches)
      : connection_(sdbus::createSystemBusConnection()) {
    for (const Watch& watch : watches) {
      connection_->addMatch(
          watch.rule, [hint = watch.hint](sdbus::Message&) { hint(); }, sdbus::floating_slot);
    }
  }
  ~Line() {
    if (descriptor_) descriptor_->release();  // it is the connection's
  }
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;

  /// `on_lost` is for the owner to destroy this.
  void serve(boost::asio::io_context& loop, std::function<void()> on_lost) {
    on_lost_ = std::move(on_lost);
    loop_ = &loop;
    descriptor_.emplace(loop, connection_->getEventLoopPollData().fd);
    timer_.emplace(loop);
    pump_soon();
  }

  void call(const Call& call, const Done& done) {
    try {
      send(call, done);
      pump_soon();
    } catch (const sdbus::Error& error) {
      boost::asio::post(*loop_,
                        guarded([done, failure = Failure{error.getName(), error.getMessage()}] {
                          done(tl::unexpected(failure));
                        }));
    }
  }

 private:
  void send(const Call& call, const Done& done) {
    sdbus::IProxy& proxy = proxy_of(call);
    sdbus::MethodCall message = proxy.createMethodCall(call.interface, call.method);
    for (const std::string& argument : call.arguments) message << argument;
    (void)proxy.callMethod(
        message,
        [done](sdbus::MethodReply& reply, const sdbus::Error* error) {
          done(read_reply(reply, error));
        },
        kCallTimeout);
  }

  sdbus::IProxy& proxy_of(const Call& call) {
    auto& proxy = proxies_[call.service + call.path];
    if (!proxy) proxy = sdbus::createProxy(*connection_, call.service, call.path);
    return *proxy;
  }

  void pump_soon() {
    if (std::exchange(soon_, true)) return;
    boost::asio::post(*loop_, guarded([this] {
      soon_ = false;
      pump();
    }));
  }

  void pump() {
    try {
      int left = kMessagesAtATime;
      while (left > 0 && connection_->processPendingRequest()) --left;
      if (left == 0) return pump_soon();
      arm();
    } catch (const sdbus::Error&) {
      boost::asio::post(*loop_, guarded([lost = on_lost_] { lost(); }));
    }
  }

  void arm() {
    using boost::asio::posix::stream_descriptor;
    const auto wanted = connection_->getEventLoopPollData();
    if ((wanted.events & POLLIN) != 0) wait(stream_descriptor::wait_read, reading_);
    if ((wanted.events & POLLOUT) != 0) wait(stream_descriptor::wait_write, writing_);
    timer_->cancel();
    if (const auto left = wanted.getRelativeTimeout()) {
      timer_->expires_after(*left);
      timer_->async_wait(guarded([this] { pump_soon(); }));
    }
  }

  void wait(boost::asio::posix::stream_descriptor::wait_type what, bool& waiting) {
    if (std::exchange(waiting, true)) return;
    descriptor_->async_wait(what, guarded([this, &waiting] {
                              waiting = false;
                              pump();
                            }));
  }

  std::unique_ptr<sdbus::IConnection> connection_;
  std::map<std::string, std::unique_ptr<sdbus::IProxy>> proxies_;
  boost::asio::io_context* loop_ = nullptr;
  std::optional<boost::asio::posix::stream_descriptor> descriptor_;
  std::optional<boost::asio::steady_timer> timer_;
  std::function<void()> on_lost_;
  bool soon_ = false;
  bool reading_ = false;
  bool writing_ = false;
  std::shared_ptr<int> alive_ = std::make_shared<int>();
};

Bus::Bus(boost::asio::io_context& loop)
    : loop_(loop), life_(std::make_shared<Life>()), retry_(std::make_unique<Retry>(loop)) {}

Bus::~Bus() {
  const std::lock_guard lock(life_->mutex);
  life_->ended = true;
}

void Bus::add(BusClient& client) {
  clients_.push_back(&client);
}

void Bus::watch(const Match& match, Hint hint) {
  watches_.push_back({rule_of(match), std::move(hint)});
}

void Bus::start(std::function<void(const std::string&)> on_off) {
  on_off_ = std::move(on_off);
  connect();
}

/// Greeting the bus and asking for signals block in sdbus-c++, for minutes with a bus that hangs:
/// on a thread of their own, which nobody waits for.
void Bus::connect() try {
  std::thread greeting([this, life = life_, &loop = loop_, watches = watches_] {
    std::unique_ptr<Line> line;
    std::string why;
    try {
      line = std::make_unique<Line>(watches);
    } catch (const sdbus::Error& error) {
      why = error.getMessage();
    }
    const std::lock_guard lock(life->mutex);
    if (life->ended) return;
    boost::asio::post(loop, [this, life, line = std::move(line), why]() mutable {
      if (life->ended) return;
      if (line) {
        opened(std::move(line));
      } else {
        failed(why);
      }
    });
  });
  greeting.detach();
} catch (const std::system_error& error) {
  failed(error.what());  // no more threads
}

void Bus::opened(std::unique_ptr<Line> line) {
  line_ = std::move(line);
  retry_->was_connected = true;
  retry_->wait = kRetryFirst;
  line_->serve(loop_, [this] { lost(); });
  for (BusClient* client : clients_) client->bus_connected();
}

void Bus::failed(const std::string& why) {
  if (!retry_->was_connected) return on_off_(why);
  retry_->timer.expires_after(retry_->wait);
  retry_->wait = std::min(2 * retry_->wait, kRetryMax);
  retry_->timer.async_wait([this, life = life_](const boost::system::error_code& error) {
    if (!error && !life->ended) connect();
  });
}

void Bus::lost() {
  line_.reset();
  for (BusClient* client : clients_) client->bus_lost();
  failed("");
}

void Bus::call(const Call& call, const Done& done) {
  if (line_) line_->call(call, done);
}

}  // namespace mayfly::systemd
