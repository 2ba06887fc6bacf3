// A driver on a real containerd that pulls from a real registry, through a proxy that can spoil it.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/containerd/containerd.h"
#include "tests/support/faulty_proxy.h"
#include "tests/support/image_archive.h"
#include "tests/support/private_containerd.h"
#include "tests/support/private_registry.h"

namespace mayfly::containerd {

using namespace std::chrono_literals;
using Kind = support::FaultyProxy::Fault::Kind;

/// One containerd and one registry for all tests; a driver and a proxy for each. In the end nothing
/// may be left in containerd.
class PullTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite();
  static void TearDownTestSuite();
  void SetUp() override;
  void TearDown() override;

  [[nodiscard]] static support::PrivateContainerd& daemon() { return *daemon_; }
  [[nodiscard]] static support::PrivateRegistry& registry() { return *registry_; }
  [[nodiscard]] support::FaultyProxy& proxy() { return *proxy_; }
  [[nodiscard]] Options options() const;
  void use(const Options& options);  ///< a new driver in place of the one there is
  void drop_driver() { driver_.reset(); }
  runtime::Driver& driver() { return *driver_; }

  /// An image of so many layers of random bytes, never the same twice.
  static support::ImageArchive random_image(int layers, std::size_t layer_bytes = 64 * 1024);
  /// Pushes it, and gives its name by way of the proxy.
  std::string push(const support::ImageArchive& image, const std::string& name) {
    digest = registry().push(image, name);
    return proxy().host() + "/" + name;
  }

  bool until(const std::function<bool()>& so);
  runtime::Result<runtime::Image> prepare(const runtime::ImageWanted& wanted);
  runtime::Result<runtime::Image> prepare(const std::string& name) {
    return prepare(runtime::ImageWanted{name, {}, {}});
  }
  runtime::Result<runtime::Image> resolve(const runtime::ImageWanted& wanted);
  runtime::Result<std::monostate> remove(const runtime::ImageWanted& wanted);
  std::vector<runtime::Image> images();
  void expect_fault(const runtime::Result<runtime::Image>& result, runtime::FaultKind kind,
                    const std::string& word);

  /// The output of `ctr` in the test's namespace, in words.
  static std::vector<std::string> ctr(const std::string& arguments);
  /// Leases, ingests, content, snapshots, images that are there now.
  static std::vector<std::string> leftovers();

  std::string digest;  ///< of the manifest pushed last

 private:
  static std::unique_ptr<support::PrivateContainerd> daemon_;
  static std::unique_ptr<support::PrivateRegistry> registry_;
  std::unique_ptr<support::FaultyProxy> proxy_;
  boost::asio::io_context loop_;
  std::unique_ptr<runtime::Driver> driver_;

  template <class T>
  runtime::Result<T> answer(const std::function<void(runtime::Done<T>)>& ask);
};

}  // namespace mayfly::containerd
