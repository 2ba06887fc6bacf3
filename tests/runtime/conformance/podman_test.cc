// What Podman alone can be left in.
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/runtime/conformance/fixture.h"

namespace mayfly::conformance {
namespace {

using Json = nlohmann::json;

class PodmanFaults : public Conformance {
 protected:
  /// As a service leaves it that is killed in the middle of a removal: known, and without its
  /// layer.
  static void take_layer_of(const std::string& name) {
    const auto storage = world().traits().storage;
    const auto layer = layer_of(name, read(storage + "/overlay-containers/containers.json"));
    const auto file = storage + "/overlay-layers/layers.json";
    auto layers = read(file);
    const auto before = layers.size();
    layers.erase(std::remove_if(layers.begin(), layers.end(),
                                [&](const Json& one) { return one.at("id") == layer; }),
                 layers.end());
    ASSERT_EQ(layers.size() + 1, before);
    std::ofstream(file) << layers;
  }

  bool is_unmounted() {
    return until([] {
      return std::ranges::none_of(daemon().leftovers(), [](const std::string& leftover) {
        return leftover.starts_with("mount") || leftover.starts_with("monitor");
      });
    });
  }

 private:
  static Json read(const std::string& file) {
    std::ifstream in(file);
    return Json::parse(in);
  }

  static std::string layer_of(const std::string& name, const Json& containers) {
    for (const auto& one : containers) {
      if (one.at("names").at(0) == name) return one.at("layer");
    }
    return "";
  }
};

TEST_F(PodmanFaults, ListsAndRemovesWhatABrokenRemovalHasLeft) {
  const auto half = spec("half", {"/bin/probe", "exit", "3"});
  ASSERT_TRUE(create(half));
  EXPECT_EQ(end_of(half.name).code, 3);
  ASSERT_TRUE(is_unmounted());
  const auto whole = create(spec("whole"));
  ASSERT_TRUE(whole) << whole.error().what;
  daemon().kill9();
  take_layer_of(half.name);
  daemon().start();
  use(options());  // one that has seen neither
  const auto listed = list();
  ASSERT_TRUE(listed) << listed.error().what;
  EXPECT_EQ(listed->size(), 2U);
  const auto found = find(half.name);
  ASSERT_TRUE(found && found->status);
  EXPECT_EQ(found->status->code, 3);
  EXPECT_EQ(find(spec("whole").name)->pid, whole->pid);
  const auto removed = remove(half.name);
  EXPECT_TRUE(removed) << removed.error().what;
  EXPECT_FALSE(find(half.name));
}

}  // namespace
}  // namespace mayfly::conformance
