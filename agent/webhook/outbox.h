// What is yet to be told, in order, one at a time: bounded in number and in age, tried again later
// and later. Pure: time is an argument, chance a seed. Refuses to know what is sent and how.
#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "agent/coordinator/retry.h"

namespace mayfly::webhook {

using core::Time;

struct Letter {
  std::string id;
  std::string body;
  Time written{};
};

class Outbox {
 public:
  static constexpr std::size_t kWaitingMax = 256;
  static constexpr std::chrono::hours kAgeMax{1};

  enum class Outcome : std::uint8_t {
    kTaken,    ///< by the receiver
    kRefused,  ///< it would not take it another time either
    kFailed,   ///< it may have taken it, and nobody knows
  };

  explicit Outbox(std::uint64_t seed) : chance_(seed) {}

  /// When there is no room, the oldest that is not on its way goes.
  void put(Letter letter);

  /// The next that is to be sent now; it is on its way until settle(). None: nullptr.
  [[nodiscard]] const Letter* take(Time now);
  /// REQUIRES: one is on its way.
  void settle(Outcome outcome, Time now);

  /// When take() may give one; kNever while one is on its way, or none waits.
  [[nodiscard]] Time due() const;
  [[nodiscard]] bool is_empty() const { return letters_.empty(); }
  [[nodiscard]] bool is_failing() const { return is_failing_; }  ///< the last try was kFailed

  [[nodiscard]] std::size_t waiting() const { return letters_.size(); }
  [[nodiscard]] std::uint64_t sent() const { return sent_; }
  [[nodiscard]] std::uint64_t refused() const { return refused_; }
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }  ///< for want of room, or of age

 private:
  std::deque<Letter> letters_;
  bool is_out_ = false;  ///< the first is on its way
  bool is_failing_ = false;
  Time next_at_{};
  coordinator::Retry retry_;
  coordinator::Chance chance_;
  std::uint64_t sent_ = 0;
  std::uint64_t refused_ = 0;
  std::uint64_t dropped_ = 0;
};

}  // namespace mayfly::webhook
