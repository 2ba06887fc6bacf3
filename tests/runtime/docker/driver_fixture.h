// The driver, and an Engine that says what the test tells it to.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/runtime/docker/fake_engine.h"

namespace mayfly::docker {

using runtime::FaultKind;
using runtime::Hint;
using Peer = FakeEngine::Peer;
using Asked = FakeEngine::Asked;

inline const std::string kDigest = "sha256:" + std::string(64, 'a');
inline const std::string kId(64, '1');
inline const std::string kImage = R"({"Id":")" + kDigest + R"(","Config":{"Cmd":["/x"]}})";

class DockerDriver : public ::testing::Test {
 protected:
  void serve(FakeEngine::Answer answer) {
    engine = std::make_unique<FakeEngine>(loop, std::move(answer));
    use();
  }

  void use() {
    Options options;
    options.socket = engine->server.socket();
    options.owned = {"mayfly.instance", "me", "mayfly-"};
    options.call_deadline = deadline;
    options.pull_silence_max = std::chrono::milliseconds(200);
    driver = make_driver(loop, options);
    driver->start([this](const Hint& hint) { hints.push_back(hint); });
  }

  bool until(const std::function<bool()>& so) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!so()) {
      if (std::chrono::steady_clock::now() >= end) return false;
      if (loop.run_one_until(end) == 0) loop.restart();
    }
    return true;
  }

  bool heard(Hint::Kind kind) {
    return until([&] {
      return std::ranges::any_of(hints, [&](const Hint& hint) { return hint.kind == kind; });
    });
  }

  template <class T>
  runtime::Result<T> answer(const std::function<void(runtime::Done<T>)>& ask) {
    auto answer = std::make_shared<std::optional<runtime::Result<T>>>();
    ask([answer](runtime::Result<T> result) { *answer = std::move(result); });
    if (until([&] { return answer->has_value(); })) return **answer;
    return tl::unexpected(runtime::Fault{FaultKind::kUnknown, "the test waited too long"});
  }

  auto create() {
    runtime::ContainerSpec spec;
    spec.name = "mayfly-a";
    spec.image = kDigest;
    return answer<runtime::Started>([&](auto done) { driver->create(spec, done); });
  }
  auto remove(const std::string& name = "mayfly-a") {
    return answer<std::monostate>([&](auto done) { driver->remove(name, done); });
  }
  auto list() {
    return answer<std::vector<runtime::Container>>([&](auto done) { driver->list(done); });
  }
  auto exit_status() {
    return answer<std::optional<runtime::ExitStatus>>(
        [&](auto done) { driver->exit_status("mayfly-a", done); });
  }
  auto prepare(const std::string& name) {
    return answer<runtime::Image>([&](auto done) {
      driver->prepare_image({name, kDigest, {}}, done);
    });
  }

  boost::asio::io_context loop;
  std::unique_ptr<FakeEngine> engine;
  std::unique_ptr<runtime::Driver> driver;
  std::vector<Hint> hints;
  std::chrono::milliseconds deadline{10'000};
};

}  // namespace mayfly::docker
