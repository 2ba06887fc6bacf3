// etcd's messages as its JSON gateway writes them: keys and values in base64, 64-bit numbers as
// strings, zeros and falses left out, streams as one object a line. What it reads may be anything.
// Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "agent/coordinator/etcd/messages.h"

namespace mayfly::etcd {

[[nodiscard]] std::string encode(const Range& range);
[[nodiscard]] std::string encode(const Put& put);
[[nodiscard]] std::string encode(const Delete& what);
[[nodiscard]] std::string encode(const Txn& txn);
[[nodiscard]] std::string encode(const WatchRequest& watch);
[[nodiscard]] std::string encode_grant(std::int64_t ttl_s);
[[nodiscard]] std::string encode_lease_id(std::int64_t id);
[[nodiscard]] std::string encode_login(const std::string& user, const std::string& password);

/// What is wrong with a text that is no such answer.
template <class T>
using Decoded = tl::expected<T, std::string>;

[[nodiscard]] Decoded<Header> decode_header(std::string_view body);
[[nodiscard]] Decoded<RangeAnswer> decode_range(std::string_view body);
[[nodiscard]] Decoded<DeleteAnswer> decode_delete(std::string_view body);
[[nodiscard]] Decoded<TxnAnswer> decode_txn(std::string_view body);
[[nodiscard]] Decoded<Lease> decode_lease(std::string_view body);
/// The one line of a keepalive's stream.
[[nodiscard]] Decoded<Lease> decode_keepalive(std::string_view body);
[[nodiscard]] Decoded<std::string> decode_token(std::string_view body);

/// One line of a watch. An error line, and one that cannot be read, are errors.
[[nodiscard]] Result<WatchNews> decode_watch_line(std::string_view line);

/// What a call would have changed.
enum class Effect : std::uint8_t { kNothing, kWrites };

/// Of an answer outside 2xx.
[[nodiscard]] Error decode_error(int status, std::string_view body, Effect effect);

}  // namespace mayfly::etcd
