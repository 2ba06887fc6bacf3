// Starts the runtime of this program, once, for all its tests.
#include <gtest/gtest.h>

#include "tests/runtime/conformance/fixture.h"

namespace {

class Runtime : public ::testing::Environment {
 public:
  void SetUp() override { mayfly::conformance::Conformance::start_world(); }
  void TearDown() override { mayfly::conformance::Conformance::end_world(); }
};

}  // namespace

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  ::testing::AddGlobalTestEnvironment(new Runtime);  // Google Test owns it
  return RUN_ALL_TESTS();
}
