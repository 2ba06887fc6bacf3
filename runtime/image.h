// Images as the agent speaks of them: which is wanted, which it is, how far its pull has come.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace mayfly::runtime {

/// When the registry is asked. Also with kAlways an image that is here serves where the registry
/// cannot be reached.
enum class Pull : std::uint8_t { kMissing, kAlways, kNever };

struct ImageWanted {
  std::string name;    ///< reference: "host/name:tag", "host/name@sha256:…", or a digest alone
  std::string digest;  ///< exactly this one, whatever the name's tag means now; "" = by the name
  Pull pull = Pull::kMissing;
};

struct Image {
  std::string name;    ///< as asked for
  std::string digest;  ///< "sha256:…", of the manifest for this platform; of an image that came
                       ///< without a manifest, what the runtime knows it by
  std::uint64_t size_bytes = 0;
};

/// One pull under way.
struct Pulling {
  std::string name;                ///< as wanted
  std::string digest;              ///< "" while it is not known yet
  std::uint64_t bytes_done = 0;    ///< fetched, compressed
  std::uint64_t bytes_total = 0;   ///< 0: not known yet
  std::uint32_t layers_done = 0;   ///< fetched and unpacked
  std::uint32_t layers_total = 0;  ///< 0: not known yet
  std::chrono::steady_clock::time_point since{};
  std::string waiting_for;  ///< of a pull that failed and will go on: why; "" otherwise
};

}  // namespace mayfly::runtime
