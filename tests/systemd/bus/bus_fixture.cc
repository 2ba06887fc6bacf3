#include "tests/systemd/bus/bus_fixture.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace mayfly::systemd {
namespace {

using namespace std::chrono_literals;

std::string make_folder() {
  std::string folder = "/tmp/mayfly-bus-XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) throw std::runtime_error("cannot make a folder");
  return folder;
}

}  // namespace

PrivateBus::PrivateBus() : PrivateDaemon(make_folder()) {
  std::ofstream(directory() + "/bus.conf")
      << "<!DOCTYPE busconfig PUBLIC '-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN' "
         "'http://www.freedesktop.org/standards/dbus/1.0/"
         "busconfig.dtd'>\n<busconfig><listen>unix:path="
      << socket()
      << "</listen><auth>EXTERNAL</auth><policy context='default'><allow user='*'/>"
         "<allow own='*'/><allow send_destination='*'/><allow receive_sender='*'/></policy>"
         "</busconfig>\n";
  start();
}

PrivateBus::~PrivateBus() {
  terminate();
}

std::vector<std::string> PrivateBus::command() const {
  return {"dbus-daemon", "--config-file=" + directory() + "/bus.conf", "--nofork", "--nopidfile",
          "--nosyslog"};
}

bool PrivateBus::serves() const {
  return support::connects(socket());
}

BusTest::BusTest() {
  setenv("DBUS_SYSTEM_BUS_ADDRESS", ("unix:path=" + daemon.socket()).c_str(), 1);
}

BusTest::~BusTest() {
  unsetenv("DBUS_SYSTEM_BUS_ADDRESS");
}

bool BusTest::until(const std::function<bool()>& so) {
  const auto end = std::chrono::steady_clock::now() + 60s;
  while (!so()) {
    if (std::chrono::steady_clock::now() >= end) return false;
    // The fakes have threads of their own: what they have seen is looked at now and then.
    if (loop.run_one_for(5ms) == 0) loop.restart();
  }
  return true;
}

}  // namespace mayfly::systemd
