// How far a pull has come, told from the lines that the daemon writes of it. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "runtime/image.h"

namespace mayfly::docker {

class Progress {
 public:
  /// One line, a JSON object. True: it has come further.
  bool take(std::string_view line);

  /// Writes bytes and layers. `bytes_total_known`: by the registry; 0 = not known.
  void tell(runtime::Pulling& pulling, std::uint64_t bytes_total_known) const;

  /// Of a line that tells of a failure, which may come after a status of 200; "" otherwise.
  [[nodiscard]] const std::string& fault() const { return fault_; }

 private:
  struct Layer {
    std::uint64_t done = 0;
    std::uint64_t total = 0;
    std::uint64_t extracted = 0;
    bool ready = false;
  };
  static constexpr std::size_t kLayersMax = 1'024;

  std::map<std::string, Layer> layers_;
  std::string fault_;
};

}  // namespace mayfly::docker
