#include "agent/webhook/outbox.h"

#include <utility>

namespace mayfly::webhook {

void Outbox::put(Letter letter) {
  if (letters_.size() >= kWaitingMax) {
    letters_.erase(letters_.begin() + (is_out_ ? 1 : 0));
    ++dropped_;
  }
  letters_.push_back(std::move(letter));
}

const Letter* Outbox::take(Time now) {
  if (is_out_) return nullptr;
  while (!letters_.empty() && now - letters_.front().written > kAgeMax) {
    letters_.pop_front();
    ++dropped_;
  }
  if (letters_.empty() || now < next_at_) return nullptr;
  is_out_ = true;
  return &letters_.front();
}

void Outbox::settle(Outcome outcome, Time now) {
  is_out_ = false;
  is_failing_ = outcome == Outcome::kFailed;
  if (is_failing_) {
    next_at_ = retry_.after_failure(now, chance_);
    return;
  }
  retry_.succeeded();
  ++(outcome == Outcome::kTaken ? sent_ : refused_);
  letters_.pop_front();
}

Time Outbox::due() const {
  return is_out_ || letters_.empty() ? core::kNever : next_at_;
}

}  // namespace mayfly::webhook
