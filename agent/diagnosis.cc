#include "agent/diagnosis.h"

#include <boost/asio/post.hpp>
#include <chrono>
#include <iterator>
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

Diagnosis::Diagnosis(boost::asio::io_context& loop, runtime::Driver& driver)
    : loop_(loop), driver_(driver) {}

Diagnosis::~Diagnosis() {
  threads_.join();
}

Diagnosis::Clocks Diagnosis::clocks_now() {
  using namespace std::chrono;
  const auto steady = monotonic_now().time_since_epoch();
  return {unix_ms_now(), duration_cast<milliseconds>(steady).count()};
}

Check Diagnosis::check_clocks() const {
  const Clocks now = clocks_now();
  return doctor::check_wall_clock((now.wall_ms - began_.wall_ms) -
                                  (now.steady_ms - began_.steady_ms));
}

void Diagnosis::look(doctor::Subject subject, Done done) {
  driver_.about([this, subject = std::move(subject),
                 done = std::move(done)](const runtime::Result<runtime::About>& about) mutable {
    if (about) subject.storage = about->storage;
    std::vector<Check> checks = check_answer(about);
    checks.push_back(check_clocks());
    boost::asio::post(threads_, [&loop = loop_, subject = std::move(subject),
                                 checks = std::move(checks), done = std::move(done)]() mutable {
      std::vector<Check> host = doctor::check_host(doctor::this_host(), subject);
      std::move(host.begin(), host.end(), std::back_inserter(checks));
      boost::asio::post(loop, [checks = std::move(checks), done = std::move(done)]() mutable {
        done(std::move(checks));
      });
    });
  });
}

}  // namespace mayfly::agent
