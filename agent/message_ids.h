// The MESSAGE_ID= of what is worth finding in the journal, whatever its text: one for each kind of
// event, never changed and never used for another. docs/operations.md lists them for people.
#pragma once

#include <string_view>

namespace mayfly::agent::message_ids {

using Id = std::string_view;

// The daemon.
inline constexpr Id kReady = "f1b344c5246753c76573481271b28c67";
inline constexpr Id kStopped = "8bf7d25dfee8fe1b95b26260a9b5e04e";
inline constexpr Id kCannotStart = "b3d1d421fa24ef0075e0235e561b5660";
inline constexpr Id kReloaded = "7e8f1e377b99b535d59b87b71940c252";
inline constexpr Id kReloadRefused = "9c570ce005c2c206a3947932008b693b";
inline constexpr Id kControlWrite = "375d5af26f72d030a4ae7ce6285bd9ee";

// The node itself.
inline constexpr Id kNodeOrdered = "98bf77d8559be2ff2b2a28d7aa4f3f64";
inline constexpr Id kNodeOrderRefused = "6de6afc8546a1bc348c92e2341fa87a7";
inline constexpr Id kNodeOpen = "6235f57c7c5000352c43611aa2e46216";
inline constexpr Id kNodeCordoned = "8d01182085d0294329f16d013983e977";
inline constexpr Id kNodeDraining = "7b716997523a15ad203007a4c89e5d77";
inline constexpr Id kNodeDrained = "f11f0788a3b164239a3d05879f5eb72f";

// The runtime.
inline constexpr Id kRuntimeLost = "7827424fdff7761cb1018d7b8d4c8557";
inline constexpr Id kRuntimeFound = "e5784613221d4eeda6727fe2479ce4f0";

// A pool.
inline constexpr Id kPoolApplied = "00d4b2093c7c696ad26385e96949aa1e";
inline constexpr Id kPoolDeleted = "f4b0d737bf7c74c97205f3fc934a0391";
inline constexpr Id kRevisionFailed = "c04b7aa2d0047b0fbe79cdf5cfb5d414";
inline constexpr Id kRevisionRefused = "50ff6b315e1b9dc45266599943eef6f3";
inline constexpr Id kBackoff = "e4dab052972acfc015784e187921f844";

// A worker.
inline constexpr Id kStartFailed = "b5ed73b6e258b126e99527ecbf3d07ff";
inline constexpr Id kStartUncertain = "e3d25fea0005c88cd587370d661a51a2";
inline constexpr Id kGateLost = "1cbf2dc5bfbeef7b69f97039e8f5c396";
inline constexpr Id kReleaseFailed = "f388f139dba15c3212f4be1a03f0390b";
inline constexpr Id kRemoveFailed = "5c8324166ccad0ba76bfa1514bdd4d54";
inline constexpr Id kWorkerLost = "5c5bfac801c94331df63f73ee9522dde";

}  // namespace mayfly::agent::message_ids
