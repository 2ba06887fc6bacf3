// What a running daemon finds about its host and its runtime, for `mayfly doctor`. Looks on a
// thread of its own: names of groups and full disks may take their time.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cstdint>
#include <functional>
#include <vector>

#include "agent/doctor/check.h"
#include "runtime/driver.h"

namespace mayfly::agent {

class Diagnosis {
 public:
  using Done = std::function<void(std::vector<doctor::Check>)>;

  /// Both outlive this. The wall clock is compared from here on.
  Diagnosis(boost::asio::io_context& loop, runtime::Driver& driver);
  ~Diagnosis();  ///< waits for a look that is under way; nothing is answered then
  Diagnosis(const Diagnosis&) = delete;
  Diagnosis& operator=(const Diagnosis&) = delete;

  /// Answers on the loop, once the runtime has answered, or has not.
  void look(doctor::Subject subject, Done done);

 private:
  /// Both clocks at one moment.
  struct Clocks {
    std::int64_t wall_ms = 0;
    std::int64_t steady_ms = 0;
  };
  static Clocks clocks_now();
  [[nodiscard]] doctor::Check check_clocks() const;

  boost::asio::io_context& loop_;
  runtime::Driver& driver_;
  Clocks began_ = clocks_now();
  boost::asio::thread_pool threads_{1};
};

}  // namespace mayfly::agent
