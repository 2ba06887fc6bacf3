// Rows to SQL and back. On the store's thread. Internal to agent/store.
#pragma once

#include <cstdint>
#include <vector>

#include "agent/store/database.h"
#include "agent/store/store.h"

namespace mayfly::store {

inline constexpr std::uint32_t kRevisionsKept = 100;  ///< of each pool
inline constexpr std::uint32_t kQueryRowsMax = 10'000;
inline constexpr std::size_t kSpecBytesMax = std::size_t{1} << 20;
inline constexpr std::size_t kStderrBytesMax = 4096;
inline constexpr std::size_t kReasonBytesMax = 1024;
inline constexpr std::size_t kNameBytesMax = 512;

struct Retention {
  std::uint32_t exits_max = 0;
  std::int64_t exits_age_ms = 0;
};

/// A write is false when SQLite refused it; `failure` tells why. Nothing here begins or ends a
/// transaction but the three that say so.
class Tables {
 public:
  Tables(Database database, Retention retention);

  [[nodiscard]] bool begin() { return begin_.run(); }
  [[nodiscard]] bool commit() { return commit_.run(); }
  void rollback();
  [[nodiscard]] std::string failure() const { return database_.failure().what; }

  [[nodiscard]] bool record(const Exit& exit);
  [[nodiscard]] bool put(const Desired& desired);
  [[nodiscard]] bool put(const Revision& revision);
  [[nodiscard]] bool drop_desired(const std::string& pool);
  [[nodiscard]] bool drop_revisions(const std::string& pool);
  [[nodiscard]] bool put(const Image& image);
  [[nodiscard]] bool drop_image(const Image& image);
  [[nodiscard]] bool put(const FleetDocument& document);
  [[nodiscard]] bool drop_fleet(const std::string& pool);
  [[nodiscard]] bool put(const NodeOrder& order);

  /// The newest first; nothing when it cannot be read.
  [[nodiscard]] std::vector<Exit> exits(const ExitQuery& query);
  [[nodiscard]] tl::expected<std::vector<Desired>, Failure> desired();
  [[nodiscard]] tl::expected<std::vector<Revision>, Failure> revisions();
  [[nodiscard]] tl::expected<std::vector<Image>, Failure> images();
  [[nodiscard]] tl::expected<std::vector<FleetDocument>, Failure> fleet();
  [[nodiscard]] tl::expected<NodeOrder, Failure> node();

 private:
  [[nodiscard]] bool trim();

  Database database_;
  Retention retention_;
  std::uint32_t until_trim_ = 0;
  Statement begin_;
  Statement commit_;
  Statement record_;
  Statement trim_count_;
  Statement trim_age_;
  Statement put_desired_;
  Statement drop_desired_;
  Statement put_revision_;
  Statement trim_revisions_;
  Statement drop_revisions_;
  Statement put_image_;
  Statement trim_images_;
  Statement drop_image_;
  Statement put_fleet_;
  Statement drop_fleet_;
  Statement put_node_;
};

}  // namespace mayfly::store
