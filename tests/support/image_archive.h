// Makes image archives from files of this host, with no registry: what `docker save` writes, and
// OCI layouts. Also the broken ones.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace mayfly::support {

/// A tar in memory.
class Tar {
 public:
  Tar& directory(const std::string& path, unsigned mode = 0755);
  Tar& file(const std::string& path, const std::string& bytes, unsigned mode = 0755);
  Tar& symlink(const std::string& path, const std::string& target);
  [[nodiscard]] std::string bytes() const;
  [[nodiscard]] std::map<std::string, std::string> files() const;  ///< path → bytes

 private:
  struct Entry {
    std::string path;
    std::string bytes;
    std::string target;
    unsigned type = 0;
    unsigned mode = 0;
  };
  std::vector<Entry> entries_;
};

[[nodiscard]] std::string gzip(const std::string& bytes);
[[nodiscard]] std::string read_file(const std::string& path);
void write_file(const std::string& path, const std::string& bytes);

/// A root file system with the host's static busybox as every applet, the users root and worker
/// (1000:1000, also in group extra, 2000). Fails the test (an exception) where there is no busybox.
[[nodiscard]] Tar busybox_root();

/// One image in the making; the parts may be changed before it is written.
struct ImageArchive {
  std::vector<std::string> layers;  ///< as stored: tar, or gzip of one; lowest first
  std::vector<std::string> diff_ids;
  std::string config_json;  ///< empty = made from the rest
  std::string config_members = R"("Env":["PATH=/bin"],"Cmd":["/bin/sh"])";
  std::string architecture;  ///< empty = this machine's
  std::vector<std::string> names;

  /// A layer and its true diff id.
  ImageArchive& layer(const Tar& tar);
  ImageArchive& gzip_layer(const Tar& tar);

  [[nodiscard]] std::string config() const;
  [[nodiscard]] Tar docker() const;  ///< what `docker save` writes
  [[nodiscard]] Tar oci() const;     ///< an OCI layout with an index of this one
};

/// A busybox image under this name, as a docker archive in a file.
void write_busybox_image(const std::string& file, const std::string& name);

}  // namespace mayfly::support
