// How a driver answers, whatever it is asked: once, later, and never after its destruction.
#include "tests/runtime/conformance/fixture.h"

namespace mayfly::conformance {
namespace {

class Answers : public Conformance {
 protected:
  /// Everything that can be asked, what goes well and what cannot. Each answer is counted.
  void ask_everything() {
    const auto missing = "mayfly.test/missing:1";
    ask<runtime::About>([&](auto done) { driver().about(done); });
    ask<std::vector<runtime::Container>>([&](auto done) { driver().list(done); });
    ask<std::vector<runtime::Image>>([&](auto done) { driver().list_images(done); });
    for (const auto* name : {kBusybox, missing, "Not A Reference"}) {
      const runtime::ImageWanted wanted{name, {}, runtime::Pull::kNever};
      ask<runtime::Image>([&](auto done) { driver().resolve_image(wanted, done); });
      ask<runtime::Image>([&](auto done) { driver().prepare_image(wanted, done); });
    }
    for (const auto* name : {missing, "Not A Reference"}) {
      ask<std::monostate>([&](auto done) { driver().remove_image({name, {}, {}}, done); });
    }
    for (const auto* file : {"/nonexistent", "/dev/null"}) {
      ask<std::vector<runtime::Image>>([&](auto done) { driver().import_image(file, {}, done); });
    }
    for (const auto& name : {std::string(kPrefix) + "nobody", std::string("somebody else")}) {
      ask<std::optional<runtime::ExitStatus>>([&](auto done) { driver().exit_status(name, done); });
      ask<std::monostate>([&](auto done) { driver().remove(name, done); });
    }
    for (const auto& one : {spec("answers"), wrong_image(), wrong_name(), wrong_mount()}) {
      ask<runtime::Started>([&](auto done) { driver().create(one, done); });
    }
  }

  template <class T>
  void ask(const std::function<void(runtime::Done<T>)>& call) {
    const auto number = answers_.size();
    answers_.push_back(0);
    in_call_ = true;
    call([this, number](const runtime::Result<T>&) {
      EXPECT_FALSE(in_call_) << "question " << number;
      ++answers_[number];
    });
    in_call_ = false;
  }

  bool all_are_answered() { return std::ranges::find(answers_, 0) == answers_.end(); }

  std::vector<int> answers_;  ///< by question, how often it was answered

 private:
  runtime::ContainerSpec wrong_image() {
    auto wrong = spec("image");
    wrong.image = "sha256:" + std::string(64, '0');
    wrong.image_name = "mayfly.test/missing:1";
    return wrong;
  }

  runtime::ContainerSpec wrong_name() {
    auto wrong = spec("name");
    wrong.name = "somebody-else";
    return wrong;
  }

  runtime::ContainerSpec wrong_mount() {
    auto wrong = spec("mount");
    wrong.mounts = {{"relative", "/in", true}};
    return wrong;
  }

  bool in_call_ = false;
};

TEST_F(Answers, ComeOnceAndNeverWithinTheCall) {
  ask_everything();
  EXPECT_TRUE(until([this] { return all_are_answered(); })) << ::testing::PrintToString(answers_);
  // What is asked later is answered; nothing else comes with it.
  EXPECT_TRUE(remove(spec("answers").name));
  EXPECT_EQ(answers_, std::vector<int>(answers_.size(), 1));
}

TEST_F(Answers, ComeOnceWhenTheRuntimeHasKnownTheImagesBefore) {
  ASSERT_TRUE(prepare({kBusybox, {}, runtime::Pull::kNever}));
  ask_everything();
  EXPECT_TRUE(until([this] { return all_are_answered(); })) << ::testing::PrintToString(answers_);
  EXPECT_EQ(answers_, std::vector<int>(answers_.size(), 1));
}

TEST_F(Answers, ComeOnceWithoutARuntime) {
  auto nowhere = options();
  nowhere.socket = daemon().directory() + "/nothing.sock";
  nowhere.call_deadline = 200ms;
  use(nowhere);
  ask_everything();
  EXPECT_TRUE(until([this] { return all_are_answered(); })) << ::testing::PrintToString(answers_);
  use(options());
  ASSERT_TRUE(list());
  EXPECT_EQ(answers_, std::vector<int>(answers_.size(), 1));
}

TEST_F(Answers, NeverComeAfterItsDestruction) {
  ASSERT_TRUE(heard(runtime::Hint::Kind::kFound));
  ask_everything();
  use(options());
  const auto early = answers_;
  // All that was under way has had its time when the next driver has done the same.
  ASSERT_TRUE(create(spec("answers")));
  ASSERT_TRUE(list());
  EXPECT_EQ(answers_, early);
}

TEST_F(Answers, NeverComeAfterADestructionInTheMiddle) {
  for (int turns = 0; turns < 10; ++turns) {
    use(options());
    ask_everything();
    for (int turn = 0; turn < turns; ++turn) loop().run_one_for(20ms);
    use(options());
    const auto early = answers_;
    ASSERT_TRUE(list());
    EXPECT_EQ(answers_, early);
    answers_.clear();
  }
  expect_all_removed();
}

TEST_F(Answers, HintNothingAfterItsDestruction) {
  int heard_late = 0;
  auto further = world().make_driver(loop(), options());
  bool destroyed = false;
  further->start([&](const runtime::Hint&) { heard_late += destroyed ? 1 : 0; });
  ASSERT_TRUE(create(spec("hinted")));
  further.reset();
  destroyed = true;
  ASSERT_TRUE(remove(spec("hinted").name));
  EXPECT_EQ(heard_late, 0);
}

}  // namespace
}  // namespace mayfly::conformance
