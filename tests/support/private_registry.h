// An image registry of the test's own on loopback (Debian: docker-registry): own folder and port,
// with or without a login, ended by pid. Images are pushed to it as any client does.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>

#include "tests/support/image_archive.h"

namespace mayfly::support {

class PrivateRegistry {
 public:
  enum class Login : std::uint8_t { kNone, kBasic };  ///< kBasic: kUser, kPassword
  static constexpr const char* kUser = "bob";
  static constexpr const char* kPassword = "s3cret-of-bob";

  /// Starts it and waits until it takes connections. A host without it fails the test (an
  /// exception).
  explicit PrivateRegistry(Login login = Login::kNone);
  ~PrivateRegistry();
  PrivateRegistry(const PrivateRegistry&) = delete;
  PrivateRegistry& operator=(const PrivateRegistry&) = delete;

  /// "127.0.0.1:PORT".
  [[nodiscard]] std::string host() const { return "127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] int port() const { return port_; }

  void stop();   ///< nobody answers at its port any more
  void start();  ///< again, at the same port. REQUIRES: stopped

  /// `name` is "path:tag". Returns the digest of the manifest.
  std::string push(const ImageArchive& image, const std::string& name);
  /// An index of manifests that are there: of `digest` for this machine, and of `other` for a
  /// machine that is not this one.
  std::string push_index(const std::string& name, const std::string& digest,
                         const std::string& other);
  /// A manifest as it is. Returns its digest.
  std::string push_manifest(const std::string& name, const std::string& bytes,
                            const std::string& media_type);
  void push_blob(const std::string& path, const std::string& bytes);

 private:
  bool launch();
  [[nodiscard]] std::string config() const;

  std::string directory_;
  Login login_;
  int port_ = 0;
  pid_t pid_ = -1;
  std::map<std::string, std::size_t> manifest_sizes_;  ///< by digest, of those pushed
};

}  // namespace mayfly::support
