// Requests, written.
#include <nlohmann/json.hpp>

#include "agent/coordinator/etcd/codec.h"
#include "runtime/encoding/base64.h"

namespace mayfly::etcd {
namespace {

using Json = nlohmann::json;

Json to_json(const Range& range) {
  Json json{{"key", encoding::to_base64(range.key)}};
  if (!range.end.empty()) json["range_end"] = encoding::to_base64(range.end);
  if (range.revision != 0) json["revision"] = std::to_string(range.revision);
  if (range.limit != 0) json["limit"] = std::to_string(range.limit);
  return json;
}

Json to_json(const Put& put) {
  Json json{{"key", encoding::to_base64(put.key)}, {"value", encoding::to_base64(put.value)}};
  if (put.lease != 0) json["lease"] = std::to_string(put.lease);
  return json;
}

Json to_json(const Delete& what) {
  Json json{{"key", encoding::to_base64(what.key)}};
  if (!what.end.empty()) json["range_end"] = encoding::to_base64(what.end);
  return json;
}

Json to_json(const Compare& compare) {
  const bool by_version = compare.target == Compare::Target::kVersion;
  return {{"key", encoding::to_base64(compare.key)},
          {"target", by_version ? "VERSION" : "MOD"},
          {"result", "EQUAL"},
          {by_version ? "version" : "mod_revision", std::to_string(compare.equals)}};
}

const char* request_key(const Operation& operation) {
  static constexpr const char* kKeys[] = {"request_put", "request_delete_range", "request_range"};
  return kKeys[operation.index()];
}

Json to_json(const std::vector<Operation>& operations) {
  Json list = Json::array();
  for (const Operation& operation : operations) {
    Json request = std::visit([](const auto& each) { return to_json(each); }, operation);
    list.push_back(Json{{request_key(operation), std::move(request)}});
  }
  return list;
}

/// Bytes that are not UTF-8 stand in base64 alone, but for a user's name and password.
std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string encode(const Range& range) {
  return dump(to_json(range));
}

std::string encode(const Put& put) {
  return dump(to_json(put));
}

std::string encode(const Delete& what) {
  return dump(to_json(what));
}

std::string encode(const Txn& txn) {
  Json compares = Json::array();
  for (const Compare& compare : txn.compares) compares.push_back(to_json(compare));
  return dump({{"compare", std::move(compares)},
               {"success", to_json(txn.success)},
               {"failure", to_json(txn.failure)}});
}

std::string encode(const WatchRequest& watch) {
  Json create{{"key", encoding::to_base64(watch.key)}, {"fragment", true}};
  if (!watch.end.empty()) create["range_end"] = encoding::to_base64(watch.end);
  if (watch.start_revision != 0) create["start_revision"] = std::to_string(watch.start_revision);
  return dump({{"create_request", std::move(create)}});
}

std::string encode_grant(std::int64_t ttl_s) {
  return dump({{"TTL", std::to_string(ttl_s)}});
}

std::string encode_lease_id(std::int64_t id) {
  return dump({{"ID", std::to_string(id)}});
}

std::string encode_login(const std::string& user, const std::string& password) {
  return dump({{"name", user}, {"password", password}});
}

}  // namespace mayfly::etcd
