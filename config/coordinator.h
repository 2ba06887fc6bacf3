// The section of mayfly.toml that makes a node one of many; every default stands here once.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace mayfly::config {

/// The etcd that says what the nodes of a cluster are to run, and sees what they do.
struct Coordinator {
  std::vector<std::string> endpoints;  ///< "https://host:2379"; none: this node is on its own
  std::string cluster = "main";        ///< part of every key
  std::string ca_file;                 ///< PEM; "": the host's own
  std::string cert_file;               ///< PEM, both or none
  std::string key_file;
  std::string user;           ///< "": etcd asks for none
  std::string password_file;  ///< the password never stands in the configuration
  std::string on_loss = "keep";
  std::chrono::milliseconds claim_ttl = std::chrono::seconds(60);  ///< of the slots of a node
  std::uint32_t shrink_max_percent = 50;  ///< key: shrink_max; of the workers, in one step
  bool operator==(const Coordinator&) const = default;
};

}  // namespace mayfly::config
