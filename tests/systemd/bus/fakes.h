// logind and systemd as far as Mayfly knows them, each on a connection and a thread of its own.
#pragma once

#include <sdbus-c++/sdbus-c++.h>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace mayfly::systemd {

/// Serves a connection, on a thread of its own, until the end of this or of the bus.
class Serving {
 public:
  explicit Serving(sdbus::IConnection& connection);
  ~Serving();
  Serving(const Serving&) = delete;
  Serving& operator=(const Serving&) = delete;

 private:
  sdbus::IConnection& connection_;
  std::thread thread_;
};

class FakeLogind {
 public:
  FakeLogind();
  ~FakeLogind();

  /// The host goes down, or stays up after all; and says so.
  void prepare(bool down);
  /// A signal to `client` alone, from someone who is not logind.
  static void forge(const std::string& client);

  /// Locks that nobody has given up.
  [[nodiscard]] int held();
  [[nodiscard]] std::vector<std::string> asked();  ///< the arguments of the last Inhibit
  [[nodiscard]] std::string client();              ///< who asked
  [[nodiscard]] int looks() const { return looks_; }

  std::atomic<std::uint64_t> delay_max_us{5'000'000};
  std::atomic<bool> refuses{false};

 private:
  sdbus::UnixFd inhibit(const std::vector<std::string>& arguments);

  std::unique_ptr<sdbus::IConnection> connection_;
  std::unique_ptr<sdbus::IObject> object_;
  std::atomic<bool> down_{false};
  std::atomic<int> looks_{0};  ///< at whether the host goes down
  std::mutex mutex_;
  std::vector<int> pipes_;
  std::vector<std::string> asked_;
  std::string client_;
  std::optional<Serving> serving_;
};

class FakeSystemd {
 public:
  explicit FakeSystemd(const std::string& unit_path);
  ~FakeSystemd();

  void set(const std::map<std::string, std::string>& properties);
  [[nodiscard]] int subscribers() const { return subscribers_; }

 private:
  std::string get(const std::string& property);

  std::unique_ptr<sdbus::IConnection> connection_;
  std::unique_ptr<sdbus::IObject> manager_;
  std::unique_ptr<sdbus::IObject> unit_;
  std::atomic<int> subscribers_{0};
  std::mutex mutex_;
  std::map<std::string, std::string> properties_;
  std::optional<Serving> serving_;
};

}  // namespace mayfly::systemd
