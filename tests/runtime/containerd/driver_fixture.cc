#include "tests/runtime/containerd/driver_fixture.h"

#include <sys/stat.h>

#include <fstream>
#include <stdexcept>

namespace mayfly::containerd {

std::unique_ptr<support::PrivateContainerd> DriverTest::daemon_;

std::string DriverTest::busybox_;
std::string DriverTest::scratch_;
std::string DriverTest::busybox_chain_;

void DriverTest::SetUpTestSuite() {
  daemon_ = std::make_unique<support::PrivateContainerd>();
  support::ImageArchive busybox;
  auto root = support::busybox_root();
  root.file("bin/probe", support::read_file(MAYFLY_PROBE));
  busybox.layer(root).names = {kBusybox};
  busybox_chain_ = busybox.diff_ids.at(0);  // of one layer: its diff id
  busybox_ = import_once(busybox.docker().bytes());

  support::ImageArchive scratch;
  scratch.config_members.clear();
  scratch.layer(support::Tar().file("probe", support::read_file(MAYFLY_PROBE))).names = {kScratch};
  scratch_ = import_once(scratch.oci().bytes());
}

void DriverTest::TearDownTestSuite() {
  daemon_.reset();
}

/// The digest. A failure ends the suite: nothing in it would make sense.
std::string DriverTest::import_once(const std::string& archive) {
  const auto file = daemon().directory() + "/image.tar";
  support::write_file(file, archive);
  boost::asio::io_context loop;
  const auto driver = make_driver(loop, options());
  driver->start([](runtime::Hint) {});
  std::string digest;
  driver->import_image(file, {}, [&](runtime::Result<std::vector<runtime::Image>> images) {
    if (!images) throw std::runtime_error(images.error().what);
    digest = images->at(0).digest;
  });
  while (digest.empty()) loop.run_one();
  return digest;
}

Options DriverTest::options() {
  Options options;
  options.socket = daemon().socket();
  options.name_space = daemon().name_space();
  options.cgroup_parent = daemon().cgroup_parent();
  options.owned = {"mayfly.instance", "test", "mayfly-test-"};
  return options;
}

void DriverTest::SetUp() {
  use(options());
  std::filesystem::create_directory(out());
  chmod(out().c_str(), 0777);
}

void DriverTest::TearDown() {
  const auto left = list();
  ASSERT_TRUE(left) << left.error().what;
  for (const auto& container : *left) {
    const auto removed = remove(container.name);
    EXPECT_TRUE(removed) << removed.error().what;
  }
  driver_.reset();
  EXPECT_EQ(daemon().leftovers(), std::vector<std::string>());
  std::filesystem::remove_all(out());
}

void DriverTest::use(Options options) {
  driver_.reset();
  driver_ = make_driver(loop_, std::move(options));
  hints.clear();
  driver_->start([this](runtime::Hint hint) { hints.push_back(std::move(hint)); });
}

runtime::ContainerSpec DriverTest::spec(const std::string& name, std::vector<std::string> command) {
  runtime::ContainerSpec spec;
  spec.name = "mayfly-test-" + name;
  spec.labels = {{"mayfly.instance", "test"}, {"mayfly.worker", name}};
  spec.image = busybox_;
  spec.command = std::move(command);
  spec.mounts = {{out(), "/out", false}};
  return spec;
}

runtime::Result<runtime::Started> DriverTest::create(const runtime::ContainerSpec& spec) {
  return answer<runtime::Started>([&](auto done) { driver_->create(spec, std::move(done)); });
}

runtime::Result<std::monostate> DriverTest::remove(const std::string& name) {
  return answer<std::monostate>([&](auto done) { driver_->remove(name, std::move(done)); });
}

runtime::Result<std::vector<runtime::Container>> DriverTest::list() {
  return answer<std::vector<runtime::Container>>(
      [&](auto done) { driver_->list(std::move(done)); });
}

runtime::Result<std::optional<runtime::ExitStatus>> DriverTest::exit_status(
    const std::string& name) {
  return answer<std::optional<runtime::ExitStatus>>(
      [&](auto done) { driver_->exit_status(name, std::move(done)); });
}

runtime::ExitStatus DriverTest::end_of(const std::string& name) {
  const auto give_up = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < give_up) {
    const auto status = exit_status(name);
    if (status && *status) return **status;
    if (!status && status.error().kind == runtime::FaultKind::kFailed) continue;  // it still runs
    ADD_FAILURE() << (status ? "the status is lost" : status.error().what);
    break;
  }
  return {-1, -1};
}

runtime::Result<std::vector<runtime::Image>> DriverTest::import(
    const std::string& archive, const std::optional<std::string>& name) {
  return answer<std::vector<runtime::Image>>(
      [&](auto done) { driver_->import_image(archive, name, std::move(done)); });
}

std::optional<runtime::Container> DriverTest::find(const std::string& name) {
  const auto all = list();
  EXPECT_TRUE(all) << all.error().what;
  for (const auto& container : all.value_or(std::vector<runtime::Container>())) {
    if (container.name == name) return container;
  }
  return std::nullopt;
}

std::map<std::string, std::string> DriverTest::facts(runtime::ContainerSpec spec) {
  std::filesystem::remove(out() + "/facts");
  const auto started = create(spec);
  EXPECT_TRUE(started) << started.error().what;
  if (!started) return {};
  EXPECT_EQ(end_of(spec.name).code, 0);
  std::ifstream in(out() + "/facts");
  std::map<std::string, std::string> facts;
  for (std::string line; std::getline(in, line);) {
    const auto equals = line.find('=');
    facts[line.substr(0, equals)] = line.substr(equals + 1);
  }
  EXPECT_TRUE(remove(spec.name));
  return facts;
}

}  // namespace mayfly::containerd
