// A driver on a real containerd, used as if it answered at once.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/containerd/containerd.h"
#include "tests/support/image_archive.h"
#include "tests/support/private_containerd.h"

namespace mayfly::containerd {

using namespace std::chrono_literals;

inline constexpr auto kPatience = 60s;  ///< for an answer that must come
inline constexpr const char* kBusybox = "mayfly.test/busybox:1";
inline constexpr const char* kScratch = "mayfly.test/scratch:1";

/// One containerd for all tests of a suite; a driver of its own for each.
class DriverTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite();
  static void TearDownTestSuite();
  void SetUp() override;
  void TearDown() override;

  [[nodiscard]] static support::PrivateContainerd& daemon() { return *daemon_; }
  [[nodiscard]] static Options options();
  /// A directory of this test's, for anybody to write in; mounted at /out in what spec() makes.
  [[nodiscard]] std::string out() const { return daemon().directory() + "/out"; }

  void use(Options options);  ///< a new driver in place of the one there is
  runtime::Driver& driver() { return *driver_; }
  boost::asio::io_context& loop() { return loop_; }

  /// Runs the loop until it is so. False: it did not come in time.
  bool until(const std::function<bool()>& so) {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (!so()) {
      if (std::chrono::steady_clock::now() >= end) return false;
      if (loop_.run_one_until(end) == 0) loop_.restart();
    }
    return true;
  }

  /// Waits for the answer to what `ask` asks.
  template <class T>
  runtime::Result<T> answer(const std::function<void(runtime::Done<T>)>& ask) {
    auto answer = std::make_shared<std::optional<runtime::Result<T>>>();
    ask([answer](runtime::Result<T> result) { *answer = std::move(result); });
    if (until([&] { return answer->has_value(); })) return **answer;
    return tl::unexpected(runtime::Fault{runtime::FaultKind::kUnknown, "the test waited too long"});
  }

  runtime::ContainerSpec spec(const std::string& name, std::vector<std::string> command);
  runtime::Result<runtime::Started> create(const runtime::ContainerSpec& spec);
  runtime::Result<std::monostate> remove(const std::string& name);
  runtime::Result<std::vector<runtime::Container>> list();
  runtime::Result<std::optional<runtime::ExitStatus>> exit_status(const std::string& name);
  /// Of one that ends by itself.
  runtime::ExitStatus end_of(const std::string& name);
  runtime::Result<std::vector<runtime::Image>> import(const std::string& archive,
                                                      const std::optional<std::string>& name = {});
  std::optional<runtime::Container> find(const std::string& name);

  /// What the probe says of the inside of a container like this: key → value.
  std::map<std::string, std::string> facts(runtime::ContainerSpec spec);

  [[nodiscard]] const std::string& busybox() const { return busybox_; }
  /// The snapshot that containers of busybox stand on.
  [[nodiscard]] static const std::string& busybox_chain() { return busybox_chain_; }
  [[nodiscard]] const std::string& scratch() const { return scratch_; }
  std::vector<runtime::Hint> hints;

 private:
  static std::string import_once(const std::string& archive);

  static std::unique_ptr<support::PrivateContainerd> daemon_;
  static std::string busybox_;  ///< digests
  static std::string scratch_;
  static std::string busybox_chain_;
  boost::asio::io_context loop_;
  std::unique_ptr<runtime::Driver> driver_;
};

}  // namespace mayfly::containerd
