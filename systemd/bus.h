// The system bus, on the loop: the one place that knows sdbus-c++. Answers and signals come on the
// loop's thread. Signals are hints without content: what is so is always asked for, since any local
// user may send a forged signal, while nobody but the called service can answer a call.
//
// Where there is no bus, all of this is quietly off: nothing is called back but `on_off`, once. A
// bus that goes away is looked for again, less and less often.
#pragma once

#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <utility>
#include <variant>
#include <vector>

namespace mayfly::systemd {

/// A file descriptor with one owner.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  [[nodiscard]] explicit operator bool() const { return number_ >= 0; }

 private:
  int number_ = -1;
};

/// The first value of an answer, out of its variant; none where it is of another type.
using Value = std::variant<std::monostate, bool, std::uint64_t, std::string, Descriptor>;

struct Failure {
  std::string name;  ///< "org.freedesktop.DBus.Error.…"
  std::string text;
};
using Reply = tl::expected<Value, Failure>;

struct Call {
  std::string service;
  std::string path;
  std::string interface;
  std::string method;
  std::vector<std::string> arguments = {};
};

/// `property` of `interface` of an object.
[[nodiscard]] Call get_property(Call object, const std::string& property);

struct Match {
  std::string sender;
  std::string path;
  std::string interface;
  std::string member;
  std::string argument = {};  ///< the first; "": any
};

/// `service` has come to the bus, or gone.
[[nodiscard]] Match owner_of(const std::string& service);

/// Someone who uses the bus while there is one.
class BusClient {
 public:
  virtual ~BusClient() = default;
  virtual void bus_connected() = 0;
  /// Calls that are out will not be answered.
  virtual void bus_lost() = 0;
};

class Bus {
 public:
  using Hint = std::function<void()>;
  using Done = std::function<void(Reply)>;

  explicit Bus(boost::asio::io_context& loop);
  ~Bus();
  Bus(const Bus&) = delete;
  Bus& operator=(const Bus&) = delete;

  /// REQUIRES: before start(), as watch(); `client` lives as long as this is used.
  void add(BusClient& client);
  void watch(const Match& match, Hint hint);

  /// `on_off` is called where no bus is found, with the reason.
  void start(std::function<void(const std::string&)> on_off);

  /// Answered once, within 10 s, unless the bus is lost before, or not there.
  void call(const Call& call, const Done& done);
  [[nodiscard]] bool is_connected() const { return line_ != nullptr; }

 private:
  class Line;  // one connection

  void connect();
  void opened(std::unique_ptr<Line> line);
  void failed(const std::string& why);
  void lost();

  struct Watch {
    std::string rule;
    Hint hint;
  };
  struct Life;  // outlives this where a thread is still at work for it
  struct Retry;

  boost::asio::io_context& loop_;
  std::function<void(const std::string&)> on_off_;
  std::vector<BusClient*> clients_;
  std::vector<Watch> watches_;
  std::shared_ptr<Life> life_;
  std::unique_ptr<Retry> retry_;
  std::unique_ptr<Line> line_;
};

}  // namespace mayfly::systemd
