// A runtime of images in memory, for tests of what stands on the driver: each question waits until
// the test lets it be answered.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/store/store.h"
#include "runtime/driver.h"

namespace mayfly::agent {

class FakeRuntime final : public runtime::Driver {
 public:
  std::map<std::string, std::string> here;      ///< name → digest
  std::map<std::string, std::string> registry;  ///< the same, elsewhere
  std::set<std::string> needed;                 ///< digests that a container has
  std::vector<std::string> calls;               ///< "prepare a:1", in order
  std::vector<runtime::Pulling> pulling;
  bool mute = false;                          ///< questions are heard, and never answered
  std::function<void()> on_question = [] {};  ///< a question waits for answer()

  /// Answers all that waits, and what follows from it.
  void answer() { answer(SIZE_MAX); }

  /// So many of those that wait.
  void answer(std::size_t count) {
    for (; count > 0 && !waiting_.empty(); --count) {
      const auto next = std::move(waiting_.front());
      waiting_.pop_front();
      next();
    }
  }
  /// Its answers go nowhere any more.
  void forget_all() { waiting_.clear(); }

  void start(std::function<void(runtime::Hint)> /*on_hint*/) override {}
  void connect_now() override { calls.emplace_back("connect now"); }
  void about(runtime::Done<runtime::About> done) override {
    later([done] { done(runtime::About{"fake", "1.0", "", {}}); });
  }
  void resolve_image(const runtime::ImageWanted& wanted,
                     runtime::Done<runtime::Image> done) override {
    calls.push_back("resolve " + wanted.name + pull_word(wanted.pull));
    later([this, wanted, done] { done(find(wanted)); });
  }
  void prepare_image(const runtime::ImageWanted& wanted,
                     runtime::Done<runtime::Image> done) override {
    calls.push_back("prepare " + wanted.name + pull_word(wanted.pull));
    later([this, wanted, done] {
      const auto found = find(wanted);
      if (found) here[found->name] = found->digest;
      done(found);
    });
  }
  [[nodiscard]] std::vector<runtime::Pulling> pulls() const override { return pulling; }
  void remove_image(const runtime::ImageWanted& wanted,
                    runtime::Done<std::monostate> done) override {
    calls.push_back("remove " + wanted.name);
    later([this, wanted, done] {
      if (needed.contains(wanted.digest)) return done(fault(runtime::FaultKind::kRefused));
      if (here.erase(wanted.name) == 0) return done(fault(runtime::FaultKind::kNotFound));
      done(std::monostate{});
    });
  }
  void import_image(const std::string& file, const std::optional<std::string>& name,
                    runtime::Done<std::vector<runtime::Image>> done) override {
    later([this, file, name, done] {
      here[name.value_or(file)] = "sha256:" + file;
      done(std::vector<runtime::Image>{{name.value_or(file), "sha256:" + file, 5}});
    });
  }
  void list_images(runtime::Done<std::vector<runtime::Image>> done) override {
    later([this, done] {
      std::vector<runtime::Image> images;
      for (const auto& [name, digest] : here) images.push_back({name, digest, 5});
      done(std::move(images));
    });
  }
  void create(runtime::ContainerSpec /*spec*/, runtime::Done<runtime::Started> /*done*/) override {}
  void exit_status(const std::string& /*name*/,
                   runtime::Done<std::optional<runtime::ExitStatus>> /*done*/) override {}
  void remove(const std::string& /*name*/, runtime::Done<std::monostate> /*done*/) override {}
  void list(runtime::Done<std::vector<runtime::Container>> /*done*/) override {}

 private:
  static std::string pull_word(runtime::Pull pull) {
    if (pull == runtime::Pull::kNever) return " (never)";
    return pull == runtime::Pull::kAlways ? " (always)" : "";
  }
  static tl::unexpected<runtime::Fault> fault(runtime::FaultKind kind) {
    return tl::unexpected(runtime::Fault{kind, "the fake says no"});
  }
  void later(std::function<void()> answer) {
    if (mute) return;
    waiting_.push_back(std::move(answer));
    on_question();
  }
  /// Here first, unless the registry is to be asked always.
  runtime::Result<runtime::Image> find(const runtime::ImageWanted& wanted) const {
    const auto local = here.find(wanted.name);
    const auto remote = registry.find(wanted.name);
    const bool ask = wanted.pull == runtime::Pull::kAlways ||
                     (local == here.end() && wanted.pull == runtime::Pull::kMissing);
    if (ask && remote != registry.end()) return runtime::Image{wanted.name, remote->second, 5};
    if (local != here.end()) return runtime::Image{wanted.name, local->second, 5};
    return fault(runtime::FaultKind::kNotFound);
  }

  std::deque<std::function<void()>> waiting_;
};

/// Rows in memory, written at once.
class FakeStore final : public store::Store {
 public:
  store::Loaded rows;
  std::map<std::pair<std::string, std::string>, store::Image> images;
  std::map<std::string, store::Desired> desired;
  std::map<std::string, store::FleetDocument> fleet;
  store::NodeOrder node;
  bool writes_fail = false;  ///< of the node's order
  std::map<std::pair<std::string, std::uint32_t>, store::Revision> revisions;

  [[nodiscard]] const store::Loaded& loaded() const override { return rows; }
  void record(store::Exit /*exit*/, std::function<void(bool)> done) override { done(true); }
  void exits(store::ExitQuery /*query*/,
             std::function<void(std::vector<store::Exit>)> done) override {
    done({});
  }
  void put_desired(store::Desired row, std::function<void(bool)> done) override {
    desired[row.pool] = row;
    done(true);
  }
  void drop_desired(std::string pool, std::function<void(bool)> done) override {
    desired.erase(pool);
    done(true);
  }
  void put_revision(store::Revision row, std::function<void(bool)> done) override {
    revisions[{row.pool, row.number}] = row;
    done(true);
  }
  void drop_revisions(std::string /*pool*/, std::function<void(bool)> done) override { done(true); }
  void put_image(store::Image row, std::function<void(bool)> done) override {
    images[{row.name, row.digest}] = row;
    done(true);
  }
  void drop_image(store::Image row, std::function<void(bool)> done) override {
    images.erase({row.name, row.digest});
    done(true);
  }
  void put_fleet(store::FleetDocument row, std::function<void(bool)> done) override {
    fleet[row.pool] = row;
    done(true);
  }
  void drop_fleet(std::string pool, std::function<void(bool)> done) override {
    fleet.erase(pool);
    done(true);
  }
  void put_node(store::NodeOrder order, std::function<void(bool)> done) override {
    if (!writes_fail) node = std::move(order);
    done(!writes_fail);
  }
};

}  // namespace mayfly::agent
