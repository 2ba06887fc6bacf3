#include "tests/runtime/conformance/fixture.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "tests/support/traces.h"

namespace mayfly::conformance {

using runtime::FaultKind;

std::unique_ptr<World> Conformance::world_;
std::map<std::string, std::string> Conformance::digests_;

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

void Conformance::start_world() {
  world_ = make_world();
  import_images();
}

void Conformance::end_world() {
  world_.reset();
}

/// A failure ends the program: nothing in it would make sense.
void Conformance::import_images() {
  const auto probe = support::read_file(MAYFLY_PROBE);
  support::ImageArchive busybox;
  busybox.layer(support::busybox_root().file("bin/probe", probe)).names = {kBusybox};
  support::ImageArchive scratch;
  scratch.config_members.clear();
  scratch.layer(support::Tar().file("probe", probe)).names = {kScratch};
  support::ImageArchive telling = busybox;
  telling.names = {kTelling};
  telling.config_members =
      R"("Env":["PATH=/bin","ASKED=image"],"Entrypoint":["/bin/probe","facts"],)"
      R"("Cmd":["/out/facts"],)"
      R"("User":"worker","WorkingDir":"/tmp","Volumes":{"/kept":{}})";

  boost::asio::io_context loop;
  const auto driver = world().make_driver(loop, options());
  driver->start([](runtime::Hint) {});
  const auto file = daemon().directory() + "/image.tar";
  for (const auto& image : {busybox, scratch, telling}) {
    support::write_file(file, image.docker().bytes());
    bool over = false;
    driver->import_image(file, {}, [&](runtime::Result<std::vector<runtime::Image>> images) {
      if (!images) throw std::runtime_error(images.error().what);
      digests_[image.names.at(0)] = images->at(0).digest;
      over = true;
    });
    while (!over) loop.run_one();
  }
}

DriverOptions Conformance::options() {
  DriverOptions options;
  options.socket = daemon().socket();
  return options;
}

void Conformance::SetUp() {
  use(options());
  ASSERT_TRUE(heard(runtime::Hint::Kind::kFound));
  std::filesystem::create_directory(out());
  chmod(out().c_str(), 0777);
}

void Conformance::TearDown() {
  const auto left = list();
  ASSERT_TRUE(left) << left.error().what;
  for (const auto& container : *left) {
    const auto removed = remove(container.name);
    EXPECT_TRUE(removed) << removed.error().what;
  }
  if (is_damaged_ && !daemon().leftovers().empty()) {
    driver_.reset();
    end_world();
    return start_world();
  }
  expect_nothing_left();
  driver_.reset();
  std::filesystem::remove_all(out());
}

void Conformance::use(const DriverOptions& options) {
  driver_.reset();
  driver_ = world().make_driver(loop_, options);
  hints.clear();
  driver_->start([this](runtime::Hint hint) { hints.push_back(std::move(hint)); });
}

std::unique_ptr<runtime::Driver> Conformance::connected_driver(const DriverOptions& options) {
  auto further = world().make_driver(loop_, options);
  further->start([](runtime::Hint) {});
  EXPECT_TRUE(until([&] {
    return answer<runtime::Image>([&](auto done) {
             further->prepare_image({kBusybox, {}, runtime::Pull::kNever}, std::move(done));
           })
        .has_value();
  }));
  return further;
}

bool Conformance::until(const std::function<bool()>& so) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (!so()) {
    if (std::chrono::steady_clock::now() >= end) return false;
    // Not all that is waited for is an event of this loop.
    const auto tick = std::min(end, std::chrono::steady_clock::now() + 20ms);
    if (loop_.run_one_until(tick) == 0) loop_.restart();
  }
  return true;
}

bool Conformance::heard(runtime::Hint::Kind kind) {
  return until([&] { return std::ranges::find(hints, kind, &runtime::Hint::kind) != hints.end(); });
}

runtime::ContainerSpec Conformance::spec(const std::string& name,
                                         std::vector<std::string> command) {
  runtime::ContainerSpec spec;
  spec.name = kPrefix + name;
  spec.labels = {{kLabel, kOurs}, {"mayfly.worker", name}};
  spec.image = busybox();
  spec.image_name = kBusybox;
  spec.command = std::move(command);
  spec.mounts = {{out(), "/out", false}};
  return spec;
}

runtime::Result<runtime::Started> Conformance::create(const runtime::ContainerSpec& spec) {
  return answer<runtime::Started>([&](auto done) { driver_->create(spec, std::move(done)); });
}

runtime::Result<std::monostate> Conformance::remove(const std::string& name) {
  return answer<std::monostate>([&](auto done) { driver_->remove(name, std::move(done)); });
}

runtime::Result<std::vector<runtime::Container>> Conformance::list() {
  return answer<std::vector<runtime::Container>>(
      [&](auto done) { driver_->list(std::move(done)); });
}

runtime::Result<std::optional<runtime::ExitStatus>> Conformance::exit_status(
    const std::string& name) {
  return answer<std::optional<runtime::ExitStatus>>(
      [&](auto done) { driver_->exit_status(name, std::move(done)); });
}

runtime::Result<runtime::Image> Conformance::prepare(const runtime::ImageWanted& wanted) {
  return answer<runtime::Image>(
      [&](auto done) { driver_->prepare_image(wanted, std::move(done)); });
}

runtime::Result<std::vector<runtime::Image>> Conformance::import(
    const std::string& archive, const std::optional<std::string>& name) {
  return answer<std::vector<runtime::Image>>(
      [&](auto done) { driver_->import_image(archive, name, std::move(done)); });
}

runtime::ExitStatus Conformance::end_of(const std::string& name) {
  const auto give_up = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < give_up) {
    const auto status = exit_status(name);
    if (status && *status) return **status;
    const auto kind = status ? FaultKind::kNotFound : status.error().kind;
    if (kind == FaultKind::kFailed || kind == FaultKind::kUnknown)
      continue;  // it runs, or: ask again
    ADD_FAILURE() << (status ? "the status is lost" : status.error().what);
    break;
  }
  return {-1, -1};
}

std::optional<runtime::Container> Conformance::find(const std::string& name) {
  const auto all = list();
  EXPECT_TRUE(all) << all.error().what;
  for (const auto& container : all.value_or(std::vector<runtime::Container>())) {
    if (container.name == name) return container;
  }
  return std::nullopt;
}

std::map<std::string, std::string> Conformance::facts(const runtime::ContainerSpec& spec) {
  const auto started = create(spec);
  EXPECT_TRUE(started) << started.error().what;
  if (!started) return {};
  EXPECT_EQ(end_of(spec.name).code, 0);
  EXPECT_TRUE(remove(spec.name));
  return read_facts();
}

std::map<std::string, std::string> Conformance::read_facts() {
  std::ifstream in(out() + "/facts");
  std::map<std::string, std::string> facts;
  for (std::string line; std::getline(in, line);) {
    const auto equals = line.find('=');
    facts[line.substr(0, equals)] = line.substr(equals + 1);
  }
  std::filesystem::remove(out() + "/facts");
  return facts;
}

std::vector<std::string> Conformance::reachable_leftovers() {
  auto left = daemon().leftovers();
  if (left.empty()) return left;
  const auto known = world().known_ids();
  std::erase_if(left, [&](const std::string& one) {
    const auto id = support::find_id(one);
    return known && !one.starts_with("volume") && !id.empty() && known->find(id) == known->npos;
  });
  return left;
}

void Conformance::expect_all_removed() {
  is_damaged_ = true;
  EXPECT_TRUE(until([&] {
    const auto left = list();
    if (!left) return false;
    for (const auto& container : *left) static_cast<void>(remove(container.name));
    return left->empty() && reachable_leftovers().empty();
  })) << ::testing::PrintToString(reachable_leftovers());
}

void Conformance::expect_nothing_left() {
  const auto is_ending = [](const std::string& leftover) { return world().is_ending(leftover); };
  auto left = daemon().leftovers();
  if (std::ranges::any_of(left, is_ending)) {
    EXPECT_TRUE(until([&] { return std::ranges::none_of(daemon().leftovers(), is_ending); }));
  }
  std::erase_if(left, is_ending);
  EXPECT_EQ(left, std::vector<std::string>());
}

}  // namespace mayfly::conformance
