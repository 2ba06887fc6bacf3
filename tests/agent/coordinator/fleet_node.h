// A node of the simulated fleet: a session, what is on its disk, the workers that run on it whether
// the session does or not, and its line to etcd, which may be cut.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/coordinator/session.h"
#include "tests/agent/coordinator/fake_etcd.h"

namespace mayfly::coordinator {

/// "6" or "6 zone": the total, and the zone of the nodes that it is for.
[[nodiscard]] SharedPool pool_of_text(const std::string& text);

/// The workers of one pool. One that ends is followed by the next while there are no more than
/// wanted; so only a surplus is ever seen to end.
struct Lives {
  std::uint32_t count = 0;
  std::uint32_t wanted = 0;
  Time next_end = core::kNever;  ///< of one of the surplus
};

struct SimulatedNode {
  struct Watching {
    etcd::Range range;
    std::int64_t from = 0;
    std::uint64_t cluster = 0;
  };

  std::string name;
  std::string instance;
  std::string zone;
  std::string scheduling = kOpen;
  bool has_left = false;  ///< for ever, and its workers with it

  // On disk.
  Baseline baseline;
  Slots kept;

  std::unique_ptr<Session> session;  ///< none: the daemon is down
  std::map<std::string, SharedPool> shared;
  std::map<std::string, Lives> lives;
  bool is_shared_new = true;
  std::map<std::string, std::uint32_t> places_told;
  bool has_told = false;
  bool is_scheduling_new = false;
  Time wake_at{};
  std::multimap<Time, Event> coming;
  std::map<std::uint64_t, Watching> watches;
  Time cut_until{};
  Time deaf_until{};
  std::int64_t fed_at = 0;  ///< the revision up to which the watches have been
  Time heard_at{};          ///< the last time that etcd said something

  void start(const Keys& keys, std::uint64_t seed, std::int64_t ttl_s);
  void crash();

  [[nodiscard]] bool is_up() const { return session != nullptr; }
  /// The next time at which something happens on it.
  [[nodiscard]] Time due() const;
  /// What the session is to know first of all.
  void add_news(std::vector<Event>& events);
  /// What the session has decided, followed.
  void follow();
  /// Workers of the surplus end; `a_while` is when the next one does.
  void let_end(Time now, const std::function<Duration()>& a_while);

 private:
  [[nodiscard]] std::map<std::string, std::uint32_t> places() const;
};

}  // namespace mayfly::coordinator
