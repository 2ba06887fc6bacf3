#include "agent/diagnosis.h"

#include <chrono>
#include <utility>

#include "agent/clock.h"

namespace mayfly::agent {
namespace {

using doctor::Check;
using doctor::Status;

std::vector<Check> check_answer(const runtime::Result<runtime::About>& about) {
  if (!about) {
    return {{"runtime", Status::kFailed, "it does not answer: " + about.error().what,
             "see its log, or start it again: workers go on running"}};
  }
  doctor::Answer answer{about->runtime, about->version, {}};
  for (const runtime::Warning& warning : about->warnings) {
    answer.warnings.emplace_back(warning.what, warning.fix);
  }
  return doctor::check_answer(answer);
}

}  // namespace

ClockPair clocks_now() {
  using namespace std::chrono;
  const auto steady = monotonic_now().time_since_epoch();
  return {unix_ms_now(), duration_cast<milliseconds>(steady).count()};
}

void diagnose(runtime::Driver& driver, doctor::Subject subject, ClockPair began,
              std::function<void(std::vector<Check>)> done) {
  driver.about([subject = std::move(subject), began,
                done = std::move(done)](const runtime::Result<runtime::About>& about) mutable {
    if (about && subject.storage.empty()) subject.storage = about->storage;
    std::vector<Check> checks = check_answer(about);
    std::vector<Check> host = doctor::check_host(doctor::this_host(), subject);
    std::move(host.begin(), host.end(), std::back_inserter(checks));
    const ClockPair now = clocks_now();
    checks.push_back(doctor::check_wall_clock((now.wall_ms - began.wall_ms) -
                                              (now.steady_ms - began.steady_ms)));
    done(std::move(checks));
  });
}

}  // namespace mayfly::agent
