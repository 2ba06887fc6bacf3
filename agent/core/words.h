// The stable words of Transition::what, in one place. People and scripts match on them.
#pragma once

namespace mayfly::core::words {

inline constexpr const char* kStarting = "starting";
inline constexpr const char* kStarted = "started";
inline constexpr const char* kStartFailed = "start-failed";
inline constexpr const char* kStartUncertain = "start-uncertain";
inline constexpr const char* kReady = "ready";
inline constexpr const char* kGateLost = "gate-lost";
inline constexpr const char* kReleased = "released";
inline constexpr const char* kRunning = "running";
inline constexpr const char* kReleaseFailed = "release-failed";
inline constexpr const char* kStopping = "stopping";
inline constexpr const char* kExited = "exited";
inline constexpr const char* kLost = "lost";              ///< gone while nobody watched
inline constexpr const char* kClassified = "classified";  ///< its exit class is known
inline constexpr const char* kDismissed = "dismissed";    ///< removed without ever being released
inline constexpr const char* kRemoved = "removed";
inline constexpr const char* kRemoveFailed = "remove-failed";
inline constexpr const char* kAdopted = "adopted";
inline constexpr const char* kBackoff = "backoff";
inline constexpr const char* kRevisionPrepared = "revision-prepared";
inline constexpr const char* kRevisionFailed = "revision-failed";
inline constexpr const char* kRevisionActive = "revision-active";
inline constexpr const char* kRevisionRefused = "revision-refused";  ///< numbers only rise
inline constexpr const char* kPoolDesired = "pool-desired";
inline constexpr const char* kPoolDropped = "pool-dropped";
inline constexpr const char* kPoolGone = "pool-gone";
inline constexpr const char* kRuntimeLost = "runtime-lost";
inline constexpr const char* kRuntimeFound = "runtime-found";
inline constexpr const char* kHostShutdown = "host-shutdown";
inline constexpr const char* kHostShutdownCancelled = "host-shutdown-cancelled";
inline constexpr const char* kHostLetGo = "host-let-go";  ///< it need not wait for us
inline constexpr const char* kNodeOpen = "node-open";
inline constexpr const char* kNodeCordoned = "node-cordoned";
inline constexpr const char* kNodeDraining = "node-draining";
inline constexpr const char* kNodeDrained = "node-drained";  ///< no worker is left
inline constexpr const char* kStartsSlow = "starts-slow";    ///< twice as slow as usual
inline constexpr const char* kStartsUsual = "starts-usual";

}  // namespace mayfly::core::words
