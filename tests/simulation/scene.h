// What all parts of a simulated world share: chance, time, the truth, the story and the verdict.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "tests/simulation/agenda.h"
#include "tests/simulation/plan.h"
#include "tests/simulation/trace.h"
#include "tests/simulation/truth.h"

namespace mayfly::simulation {

/// Who wants to hear of what only the truth knows: the checkers.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void handed_over(WorkerId worker) = 0;        ///< its gate took the release
  virtual void gone(WorkerId worker) = 0;               ///< its container was removed by us
  virtual void recorded(const ExitRecord& record) = 0;  ///< became durable
  virtual void signalled(WorkerId /*worker*/) {}        ///< or would have been, but for a fault
};

struct Violation {
  std::string invariant;  ///< "I1", …
  std::string text;
  Time at{};
};

class Scene {
 public:
  /// Draws what the world is like from its seed.
  using DrawPlan = Plan (*)(std::uint64_t seed, Random& random);
  Scene(std::uint64_t seed, Trace::Detail detail, DrawPlan draw = draw_plan)
      : random(seed),
        plan(draw(seed, random)),
        faults(plan.faults),
        agenda(plan.start),
        trace(detail) {}

  [[nodiscard]] Time now() const { return agenda.now(); }

  template <class... Parts>
  void note(const Parts&... parts) {
    trace.note(agenda.now(), parts...);
  }

  /// The first violation ends the world.
  template <class... Parts>
  void violate(const char* invariant, const Parts&... parts) {
    if (violation) return;
    std::ostringstream text;
    (text << ... << parts);
    violation = Violation{invariant, text.str(), now()};
    note("VIOLATION ", invariant, ": ", text.str());
  }

  /// Sends an event to the run that is owed it, by a road that loses, delays and doubles.
  void report(Run to, Event event);

  Random random;
  const Plan plan;
  Faults faults;  ///< of now: all zero once the faults are over
  Agenda agenda;
  Trace trace;
  Truth truth;
  Limits limits = plan.limits;  ///< as last applied
  std::optional<Violation> violation;
  Observer* observer = nullptr;
  std::function<void(Run, Event)> deliver;  ///< into the inbox of that run, if it still lives
};

}  // namespace mayfly::simulation
