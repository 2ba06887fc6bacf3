// A driver on a real runtime, used as if it answered at once.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/runtime/conformance/world.h"
#include "tests/support/image_archive.h"

namespace mayfly::conformance {

inline constexpr auto kPatience = 60s;  ///< for an answer that must come
inline constexpr const char* kBusybox = "mayfly.test/busybox:1";
inline constexpr const char* kScratch = "mayfly.test/scratch:1";
inline constexpr const char* kTelling = "mayfly.test/telling:1";

std::vector<std::string> words_of(const std::string& text);

/// One daemon for all tests of the program; a driver of its own for each.
class Conformance : public ::testing::Test {
 public:
  static void start_world();  ///< for main
  static void end_world();

 protected:
  void SetUp() override;
  void TearDown() override;  ///< nothing may be left

  [[nodiscard]] static World& world() { return *world_; }
  [[nodiscard]] static support::PrivateDaemon& daemon() { return world_->daemon(); }
  [[nodiscard]] static DriverOptions options();
  /// A directory of this test's, for anybody to write in; mounted at /out in what spec() makes.
  [[nodiscard]] std::string out() const { return daemon().directory() + "/out"; }

  void use(const DriverOptions& options);  ///< a new driver in place of the one there is
  /// A further driver, which is connected.
  std::unique_ptr<runtime::Driver> connected_driver(const DriverOptions& options);
  runtime::Driver& driver() { return *driver_; }
  boost::asio::io_context& loop() { return loop_; }

  /// Runs the loop until it is so. False: it did not come in time.
  bool until(const std::function<bool()>& so);
  bool heard(runtime::Hint::Kind kind);

  /// Waits for the answer to what `ask` asks.
  template <class T>
  runtime::Result<T> answer(const std::function<void(runtime::Done<T>)>& ask) {
    auto answer = std::make_shared<std::optional<runtime::Result<T>>>();
    ask([answer](runtime::Result<T> result) { *answer = std::move(result); });
    if (until([&] { return answer->has_value(); })) return **answer;
    return tl::unexpected(runtime::Fault{runtime::FaultKind::kUnknown, "the test waited too long"});
  }

  runtime::ContainerSpec spec(const std::string& name,
                              std::vector<std::string> command = {"/bin/probe", "sleep"});
  runtime::Result<runtime::Started> create(const runtime::ContainerSpec& spec);
  runtime::Result<std::monostate> remove(const std::string& name);
  runtime::Result<std::vector<runtime::Container>> list();
  runtime::Result<std::optional<runtime::ExitStatus>> exit_status(const std::string& name);
  runtime::Result<runtime::Image> prepare(const runtime::ImageWanted& wanted);
  runtime::Result<std::vector<runtime::Image>> import(const std::string& archive,
                                                      const std::optional<std::string>& name = {});
  /// Of one that ends by itself.
  runtime::ExitStatus end_of(const std::string& name);
  std::optional<runtime::Container> find(const std::string& name);
  /// What the probe says of the inside of a container like this: key → value.
  std::map<std::string, std::string> facts(const runtime::ContainerSpec& spec);
  std::map<std::string, std::string> read_facts();

  /// All that a damaged runtime has left of ours goes, in however many tries its recovery takes.
  /// What no call to the runtime can reach goes with its world, at the end of the test.
  void expect_all_removed();
  void expect_nothing_left();

  [[nodiscard]] static const std::string& busybox() { return digests_.at(kBusybox); }
  [[nodiscard]] static const std::string& scratch() { return digests_.at(kScratch); }
  /// Its entrypoint and command are the probe that writes /out/facts, as worker in /tmp with
  /// ASKED=image; it declares a volume.
  [[nodiscard]] static const std::string& telling() { return digests_.at(kTelling); }
  std::vector<runtime::Hint> hints;

 private:
  static void import_images();
  /// What is left and can be reached.
  [[nodiscard]] static std::vector<std::string> reachable_leftovers();

  static std::unique_ptr<World> world_;
  static std::map<std::string, std::string> digests_;  ///< by name
  boost::asio::io_context loop_;
  std::unique_ptr<runtime::Driver> driver_;
  bool is_damaged_ = false;  ///< the runtime, by this test
};

}  // namespace mayfly::conformance
