// Whole lives of containers (create, start, wait for the end, remove) per second by plain calls of
// the driver, with nothing held ready: what `bench sustained` is measured against. Prints JSON.
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "runtime/containerd/containerd.h"

namespace {

using namespace mayfly;
using Clock = std::chrono::steady_clock;

double ms(Clock::duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

nlohmann::json quantiles(std::vector<double> values) {
  if (values.empty()) return nullptr;
  std::ranges::sort(values);
  const auto at = [&](double part) {
    return values[static_cast<std::size_t>(part * static_cast<double>(values.size() - 1))];
  };
  return {{"p50", at(0.5)}, {"p99", at(0.99)}, {"max", values.back()}};
}

struct Arguments {
  containerd::Options options;
  std::string image;
  std::vector<std::string> command{"/bin/true"};
  std::string mount;  ///< a folder of the host; none if empty
  std::string mounted_at;
  int streams = 4;
  double seconds = 10;
  bool no_seccomp = false;
};

class Bench {
 public:
  Bench(boost::asio::io_context& loop, Arguments arguments)
      : loop_(loop),
        arguments_(std::move(arguments)),
        driver_(containerd::make_driver(loop, arguments_.options)) {}

  void run() {
    driver_->start([](runtime::Hint) {});
    driver_->prepare_image({arguments_.image, {}, {}},
                           [this](runtime::Result<runtime::Image> image) {
                             if (!image) return fail(image.error());
                             digest_ = image->digest;
                             begun_ = Clock::now();
                             for (int stream = 0; stream < arguments_.streams; ++stream)
                               begin_life();
                           });
    loop_.run();
  }

  [[nodiscard]] bool failed() const { return failed_; }

  void print() const {
    const auto seconds = ms(ended_ - begun_) / 1000;
    std::cout << nlohmann::json{{"streams", arguments_.streams},
                                {"seconds", seconds},
                                {"lives", lives_},
                                {"lives_per_s", static_cast<double>(lives_) / seconds},
                                {"create_ms", quantiles(create_ms_)},
                                {"run_ms", quantiles(run_ms_)},
                                {"remove_ms", quantiles(remove_ms_)}}
              << "\n";
  }

 private:
  void begin_life() {
    if (failed_ || ms(Clock::now() - begun_) >= arguments_.seconds * 1000) {
      ended_ = Clock::now();
      return stop_when_idle();
    }
    ++running_;
    runtime::ContainerSpec spec;
    spec.name = arguments_.options.owned.name_prefix + std::to_string(getpid()) + "-" +
                std::to_string(++names_);
    spec.image = digest_;
    spec.command = arguments_.command;
    if (!arguments_.mount.empty()) {
      spec.mounts.push_back({arguments_.mount, arguments_.mounted_at, false});
    }
    spec.security.seccomp = !arguments_.no_seccomp;
    const auto name = spec.name;
    driver_->create(std::move(spec),
                    [this, name, asked = Clock::now()](runtime::Result<runtime::Started> started) {
                      if (!started) return fail(started.error());
                      create_ms_.push_back(ms(Clock::now() - asked));
                      wait_for_end(name, started->pid);
                    });
  }

  void wait_for_end(const std::string& name, pid_t pid) {
    const auto started = Clock::now();
    const auto fd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
    if (fd < 0) return end_life(name);  // it was faster
    auto pidfd = std::make_shared<boost::asio::posix::stream_descriptor>(loop_, fd);
    pidfd->async_wait(boost::asio::posix::stream_descriptor::wait_read,
                      [this, name, pidfd, started](boost::system::error_code) {
                        run_ms_.push_back(ms(Clock::now() - started));
                        end_life(name);
                      });
  }

  void end_life(const std::string& name) {
    driver_->remove(name, [this, asked = Clock::now()](runtime::Result<std::monostate> removed) {
      if (!removed) return fail(removed.error());
      remove_ms_.push_back(ms(Clock::now() - asked));
      ++lives_;
      --running_;
      begin_life();
    });
  }

  void fail(const runtime::Fault& fault) {
    failed_ = true;
    std::cerr << fault.what << "\n";
    loop_.stop();
  }

  void stop_when_idle() {
    if (running_ == 0) loop_.stop();
  }

  boost::asio::io_context& loop_;
  Arguments arguments_;
  std::unique_ptr<runtime::Driver> driver_;
  std::string digest_;
  Clock::time_point begun_;
  Clock::time_point ended_;
  int running_ = 0;
  std::uint64_t names_ = 0;
  std::uint64_t lives_ = 0;
  bool failed_ = false;
  std::vector<double> create_ms_;
  std::vector<double> run_ms_;
  std::vector<double> remove_ms_;
};

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  arguments.options.owned = {"mayfly.bench", "raw", "raw-"};
  arguments.options.cgroup_parent = "/mayfly-bench";
  CLI::App app{"Lives of containers per second by raw calls"};
  app.add_option("--socket", arguments.options.socket)->required();
  app.add_option("--namespace", arguments.options.name_space)->required();
  app.add_option("--image", arguments.image)->required();
  app.add_option("--streams", arguments.streams)->check(CLI::Range(1, 64));
  app.add_option("--seconds", arguments.seconds)->check(CLI::PositiveNumber);
  app.add_option("--command", arguments.command, "what a life runs; it ends by itself");
  app.add_option("--mount", arguments.mount, "a folder of the host");
  app.add_option("--mounted-at", arguments.mounted_at)->needs("--mount");
  app.add_option("--cgroup-parent", arguments.options.cgroup_parent);
  app.add_flag("--no-seccomp", arguments.no_seccomp, "for comparison");
  CLI11_PARSE(app, argc, argv);

  boost::asio::io_context loop;
  Bench bench(loop, std::move(arguments));
  bench.run();
  if (bench.failed()) return 1;
  bench.print();
}
