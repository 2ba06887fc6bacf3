// What is different between two pools, key by key, for people and for deciding on a revision.
#pragma once

#include <string>
#include <vector>

#include "config/document.h"

namespace mayfly::config {

/// One key. Values as people write them; "(none)" stands for none.
struct Difference {
  std::string key;  ///< dotted, as in the file: "replicas", "resources.memory", "env.QUEUE"
  std::string from;
  std::string to;
  bool operator==(const Difference&) const = default;
};

struct Diff {
  std::vector<Difference> changes;  ///< sorted by key
  bool new_revision = false;        ///< what a worker is made of differs
};

[[nodiscard]] Diff diff(const Pool& from, const Pool& to);

/// The same of two JSON objects. What cannot be read is as one without keys.
[[nodiscard]] std::vector<Difference> differences(const std::string& from, const std::string& to);

}  // namespace mayfly::config
