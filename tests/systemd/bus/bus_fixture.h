// A system bus of the test's own, and a loop to serve it.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "systemd/bus.h"
#include "tests/support/private_daemon.h"

namespace mayfly::systemd {

class PrivateBus final : public support::PrivateDaemon {
 public:
  PrivateBus();
  ~PrivateBus() override;

  [[nodiscard]] std::string socket() const override { return directory() + "/bus"; }
  [[nodiscard]] std::vector<std::string> leftovers() const override { return {}; }

 private:
  [[nodiscard]] std::vector<std::string> command() const override;
  [[nodiscard]] bool serves() const override;
};

class BusTest : public ::testing::Test {
 protected:
  BusTest();
  ~BusTest() override;

  /// Serves the loop until it is so; false after a time that only a hang takes.
  bool until(const std::function<bool()>& so);

  PrivateBus daemon;
  boost::asio::io_context loop;
  std::vector<std::string> off;
};

}  // namespace mayfly::systemd
