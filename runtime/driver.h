// The interface to a container runtime. A driver knows how containers are made, listed and removed;
// it refuses to know pools, slots, policies and gates' contents (a gate is two mounts to it). It is
// owned by the agent, used on the loop's thread only, and calls back on that thread, never from
// within the call that asked. Destruction cancels all work and calls nothing back.
//
// What a driver promises: every call is answered at most once, within its own deadline. What it
// does not: that an answer comes soon, or that an operation whose answer is Fault::kUnknown did not
// happen.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "runtime/container.h"
#include "runtime/image.h"
#include "runtime/result.h"

namespace mayfly::runtime {

/// Which objects are ours: labels[label] == value, and names that start with name_prefix (parts
/// without labels). Nothing else is ever touched.
struct Ownership {
  std::string label;
  std::string value;
  std::string name_prefix;
};

struct Hint {
  enum class Kind : std::uint8_t {
    kChanged,  ///< something happened to a container of ours: look soon
    kLost,     ///< the runtime does not answer
    kFound,    ///< it answers (again)
  };
  Kind kind = Kind::kChanged;
  std::string what;  ///< kChanged: the container's name; kLost: why
};

/// Something about the runtime that will hurt, and what mends it.
struct Warning {
  std::string what;
  std::string fix;  ///< a command or a setting
};

struct About {
  std::string runtime;  ///< "containerd", "docker", "podman"
  std::string version;
  std::string storage;  ///< host folder that images lie in; "" where the runtime does not say
  std::vector<Warning> warnings;
};

class Driver {
 public:
  virtual ~Driver() = default;

  /// Hints come for as long as the driver lives; none is owed. Connecting starts here.
  virtual void start(std::function<void(Hint)> on_hint) = 0;

  /// There is reason to think that the runtime is there again: where it is lost and waited for, it
  /// is tried now rather than later. Nothing otherwise. A hint tells how that went.
  virtual void connect_now() = 0;

  virtual void about(Done<About> done) = 0;

  /// Which image this is now: of what is here, else by asking the registry, as wanted.pull says.
  /// Nothing is pulled. Faults: kNotFound (neither here nor there), kRefused (credentials,
  /// platform, not a reference), kFailed (the registry does not answer, and none is here),
  /// kUnknown.
  virtual void resolve_image(const ImageWanted& wanted, Done<Image> done) = 0;

  /// Makes it usable by create, and pulls it where it must. Idempotent; askers of one image share
  /// one pull. Long: it ends only when the image is ready or one of these is sure: kNotFound,
  /// kRefused (also bytes that are not what their digest says), kFailed, kUnknown. What a failed
  /// pull has fetched is kept for a while, and the next goes on from there.
  virtual void prepare_image(const ImageWanted& wanted, Done<Image> done) = 0;

  /// The pulls under way now.
  [[nodiscard]] virtual std::vector<Pulling> pulls() const = 0;

  /// Removes what this node pulled or imported under `wanted`; the bytes go when nothing else names
  /// them. Faults: kNotFound, kRefused when a container needs it, kFailed, kUnknown.
  virtual void remove_image(const ImageWanted& wanted, Done<std::monostate> done) = 0;

  /// Imports a docker-archive or OCI tar from a local file, unpacked and ready. `name` overrides
  /// the names it carries. Long; several may run. Faults: kRefused (the file is at fault), kFailed.
  virtual void import_image(const std::string& file, const std::optional<std::string>& name,
                            Done<std::vector<Image>> done) = 0;

  virtual void list_images(Done<std::vector<Image>> done) = 0;

  /// Creates and starts; all or nothing. REQUIRES: spec.image is a digest from prepare_image.
  /// A fault other than kUnknown means that nothing of it is left.
  virtual void create(ContainerSpec spec, Done<Started> done) = 0;

  /// The exit status of a container that has ended. None: it will never be known. kNotFound: no
  /// such container. kFailed: it still runs. kUnknown: ask again.
  virtual void exit_status(const std::string& name, Done<std::optional<ExitStatus>> done) = 0;

  /// Removes every part, killing what runs; what is not there counts as removed. Idempotent. Any
  /// fault: ask again.
  virtual void remove(const std::string& name, Done<std::monostate> done) = 0;

  /// All containers of ours, complete or not, also parts left without a record.
  virtual void list(Done<std::vector<Container>> done) = 0;
};

}  // namespace mayfly::runtime
