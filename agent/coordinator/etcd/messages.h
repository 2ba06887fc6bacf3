// What is asked of etcd and what it answers, as plain values: keys and values are bytes, numbers
// are numbers. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <tl/expected.hpp>
#include <variant>
#include <vector>

namespace mayfly::etcd {

enum class ErrorKind : std::uint8_t {
  kRefused,   ///< etcd says no, and would say so again: permission, a full store, a bad request
  kFailed,    ///< it was not done this time
  kNotFound,  ///< the lease named is not there
  kUnknown,   ///< a write without an answer: it may or may not have been done
};

inline constexpr int kNoCode = -1;

struct Error {
  ErrorKind kind = ErrorKind::kFailed;
  int code = kNoCode;     ///< of gRPC, where etcd gave one
  std::string what = {};  ///< one line; holds no value and no password
};

/// The revision that was asked for is no longer kept (or, after a restore, not yet reached).
[[nodiscard]] bool is_compacted(const Error& error);
/// The store's quota is used up: no write but a delete is taken.
[[nodiscard]] bool is_full(const Error& error);
/// The token is not good, or not any more; a new one may be.
[[nodiscard]] bool is_bad_token(const Error& error);

template <class T>
using Result = tl::expected<T, Error>;

/// Called at most once, on the loop.
template <class T>
using Done = std::function<void(Result<T>)>;

struct Header {
  std::uint64_t cluster = 0;
  std::uint64_t member = 0;
  std::int64_t revision = 0;
};

struct KeyValue {
  std::string key = {};
  std::string value = {};
  std::int64_t create_revision = 0;
  std::int64_t mod_revision = 0;
  std::int64_t version = 0;
  std::int64_t lease = 0;  ///< 0: none
};

/// The first key after all that begin with `prefix`.
[[nodiscard]] std::string end_of_prefix(std::string prefix);

struct Range {
  std::string key = {};
  std::string end = {};       ///< "": `key` alone; else up to it
  std::int64_t revision = 0;  ///< 0: the newest
  std::int64_t limit = 0;     ///< 0: none
};

struct RangeAnswer {
  Header header = {};
  std::vector<KeyValue> kvs = {};
  bool more = false;
};

struct Put {
  std::string key = {};
  std::string value = {};
  std::int64_t lease = 0;
};

struct Delete {
  std::string key = {};
  std::string end = {};
};

struct DeleteAnswer {
  Header header = {};
  std::int64_t deleted = 0;
};

/// Of a key that is not there, both are 0.
struct Compare {
  enum class Target : std::uint8_t { kModRevision, kVersion };
  std::string key = {};
  Target target = Target::kModRevision;
  std::int64_t equals = 0;
};

using Operation = std::variant<Put, Delete, Range>;

struct Txn {
  std::vector<Compare> compares = {};
  std::vector<Operation> success = {};
  std::vector<Operation> failure = {};
};

struct TxnAnswer {
  Header header = {};
  bool succeeded = false;
  std::vector<RangeAnswer> ranges = {};  ///< of the branch taken, in order
};

struct Lease {
  Header header = {};
  std::int64_t id = 0;
  std::int64_t ttl_s = 0;      ///< 0 or less: it is not there
  std::int64_t granted_s = 0;  ///< what it began with; told of its time to live alone
};

struct WatchRequest {
  std::string key = {};
  std::string end = {};
  std::int64_t start_revision = 0;  ///< 0: from now on
};

struct Change {
  enum class Kind : std::uint8_t { kPut, kDelete };
  Kind kind = Kind::kPut;
  KeyValue kv = {};  ///< of a delete: the key and the revision alone
};

struct WatchNews {
  Header header = {};
  bool created = false;
  bool canceled = false;              ///< nothing more will come, though the stream stays open
  std::int64_t compact_revision = 0;  ///< of a cancelled one: what came before is lost
  std::string reason = {};
  std::vector<Change> changes = {};
};

}  // namespace mayfly::etcd
