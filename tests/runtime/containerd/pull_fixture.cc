#include "tests/runtime/containerd/pull_fixture.h"

#include <array>
#include <cstdio>
#include <random>
#include <sstream>

namespace mayfly::containerd {

namespace {

constexpr auto kPatience = 60s;  // for an answer that must come

std::string run(const std::string& command) {
  std::string output;
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "re"), pclose);
  std::array<char, 4096> buffer{};
  for (std::size_t size = 1; pipe && size > 0;) {
    size = std::fread(buffer.data(), 1, buffer.size(), pipe.get());
    output.append(buffer.data(), size);
  }
  return output;
}

}  // namespace

std::unique_ptr<support::PrivateContainerd> PullTest::daemon_;
std::unique_ptr<support::PrivateRegistry> PullTest::registry_;

void PullTest::SetUpTestSuite() {
  daemon_ = std::make_unique<support::PrivateContainerd>();
  registry_ = std::make_unique<support::PrivateRegistry>();
}

void PullTest::TearDownTestSuite() {
  registry_.reset();
  daemon_.reset();
}

void PullTest::SetUp() {
  proxy_ = std::make_unique<support::FaultyProxy>(registry().port());
  use(options());
}

/// What a test has pulled goes by the driver's own means, and takes everything with it.
void PullTest::TearDown() {
  if (!driver_) use(options());
  for (const auto& image : images()) {
    const auto removed = remove({image.name, {}, {}});
    EXPECT_TRUE(removed) << removed.error().what;
  }
  driver_.reset();
  EXPECT_EQ(leftovers(), std::vector<std::string>());
}

Options PullTest::options() const {
  Options options;
  options.socket = daemon().socket();
  options.name_space = daemon().name_space();
  options.cgroup_parent = daemon().cgroup_parent();
  options.owned = {"mayfly.instance", "test", "mayfly-test-"};
  options.registries.registries[proxy_->host()].plain_http = true;
  options.patience.backoff = 10ms;
  options.patience.backoff_max = 50ms;
  options.patience.stall = 2s;
  return options;
}

void PullTest::use(const Options& options) {
  driver_.reset();
  driver_ = make_driver(loop_, options);
  driver_->start([](runtime::Hint) {});
}

support::ImageArchive PullTest::random_image(int layers, std::size_t layer_bytes) {
  static std::mt19937_64 random{std::random_device{}()};
  support::ImageArchive image;
  for (int layer = 0; layer < layers; ++layer) {
    std::string bytes(layer_bytes, '\0');
    for (auto& byte : bytes) byte = static_cast<char>(random());
    image.gzip_layer(support::Tar().file("file-" + std::to_string(layer), bytes));
  }
  return image;
}

bool PullTest::until(const std::function<bool()>& so) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (!so()) {
    if (std::chrono::steady_clock::now() >= end) return false;
    if (loop_.run_one_for(10ms) == 0) loop_.restart();
  }
  return true;
}

template <class T>
runtime::Result<T> PullTest::answer(const std::function<void(runtime::Done<T>)>& ask) {
  auto answer = std::make_shared<std::optional<runtime::Result<T>>>();
  ask([answer](runtime::Result<T> result) { *answer = std::move(result); });
  if (until([&] { return answer->has_value(); })) return **answer;
  return tl::unexpected(runtime::Fault{runtime::FaultKind::kUnknown, "the test waited too long"});
}

runtime::Result<runtime::Image> PullTest::prepare(const runtime::ImageWanted& wanted) {
  return answer<runtime::Image>(
      [&](auto done) { driver_->prepare_image(wanted, std::move(done)); });
}

runtime::Result<runtime::Image> PullTest::resolve(const runtime::ImageWanted& wanted) {
  return answer<runtime::Image>(
      [&](auto done) { driver_->resolve_image(wanted, std::move(done)); });
}

runtime::Result<std::monostate> PullTest::remove(const runtime::ImageWanted& wanted) {
  return answer<std::monostate>([&](auto done) { driver_->remove_image(wanted, std::move(done)); });
}

std::vector<runtime::Image> PullTest::images() {
  const auto listed = answer<std::vector<runtime::Image>>(
      [&](auto done) { driver_->list_images(std::move(done)); });
  EXPECT_TRUE(listed) << listed.error().what;
  return listed.value_or(std::vector<runtime::Image>());
}

void PullTest::expect_fault(const runtime::Result<runtime::Image>& result, runtime::FaultKind kind,
                            const std::string& word) {
  ASSERT_FALSE(result) << result->digest;
  EXPECT_EQ(result.error().kind, kind) << result.error().what;
  EXPECT_NE(result.error().what.find(word), std::string::npos) << result.error().what;
}

std::vector<std::string> PullTest::ctr(const std::string& arguments) {
  std::istringstream words(
      run("ctr -a " + daemon().socket() + " -n " + daemon().name_space() + " " + arguments));
  std::vector<std::string> all;
  for (std::string word; words >> word;) all.push_back(word);
  return all;
}

std::vector<std::string> PullTest::leftovers() {
  std::vector<std::string> left;
  const auto add = [&](const std::string& arguments, std::size_t head) {
    const auto words = ctr(arguments);
    for (std::size_t at = head; at < words.size(); ++at)
      left.push_back(arguments + ": " + words[at]);
  };
  add("leases ls -q", 0);
  add("content ls -q", 0);
  add("content active", 3);  // REF SIZE AGE
  add("snapshots ls", 3);    // KEY PARENT KIND
  add("images ls -q", 0);
  return left;
}

}  // namespace mayfly::containerd
