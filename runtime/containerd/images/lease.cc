#include "runtime/containerd/images/lease.h"

#include <array>
#include <ctime>
#include <utility>
#include <vector>

#include "runtime/containerd/images/image_store.h"
#include "runtime/containerd/translate.h"

namespace mayfly::containerd {
namespace {

// Longer than any pull may take: a lease cannot be renewed.
constexpr std::time_t kLeaseSeconds = 24 * 3600;
constexpr const char* kLease = "mayfly-image";

std::string rfc3339(std::time_t time) {
  std::tm utc{};
  gmtime_r(&time, &utc);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text.data();
}

}  // namespace

std::string Lease::new_id() {
  return ImageStore::unique_key(kLease);
}

Lease::Lease(WaitingApi& api, const runtime::Ownership& owned, std::string id)
    : api_(api), id_(std::move(id)), outer_(api.lease()) {
  wire::CreateLeaseRequest request;
  request.set_id(id_);
  request.mutable_labels()->insert({owned.label, owned.value});
  request.mutable_labels()->insert(
      {"containerd.io/gc.expire", rfc3339(std::time(nullptr) + kLeaseSeconds)});
  const auto reply = api.call(method::kCreateLease, request);
  if (!reply && !is_answer(reply.error(), grpc::Code::kAlreadyExists)) {
    fault_ = fault_of(reply.error(), "create a lease");
    return;
  }
  api.use_lease(id_);
}

Lease::~Lease() {
  api_.use_lease(outer_);
  // Unanswered, it expires.
  if (!keep_) static_cast<void>(end_lease(api_, id_));
}

runtime::Result<std::monostate> end_lease(WaitingApi& api, const std::string& id) {
  wire::LeaseId lease;
  lease.set_id(id);
  const auto ended = api.call(method::kDeleteLease, lease);
  if (ended || is_answer(ended.error(), grpc::Code::kNotFound)) return std::monostate{};
  return tl::unexpected(fault_of(ended.error(), "end a lease"));
}

runtime::Result<std::monostate> end_old_leases(WaitingApi& api, const runtime::Ownership& owned) {
  wire::ListLeasesRequest request;
  request.add_filters(owned_filter(owned));
  const auto listed = api.call(method::kListLeases, request);
  if (!listed) return tl::unexpected(fault_of(listed.error(), "list the leases"));
  std::vector<std::string> old;
  for (const auto& lease : listed->leases()) {
    if (!lease.id().starts_with(ImageStore::run_prefix(kLease))) old.push_back(lease.id());
  }
  for (const auto& id : old) {
    wire::LeaseId lease;
    lease.set_id(id);
    lease.set_sync(id == old.back());  // then what they kept is collected, once for all
    const auto ended = api.work(method::kDeleteLease, lease);
    if (!ended && !is_answer(ended.error(), grpc::Code::kNotFound)) {
      return tl::unexpected(fault_of(ended.error(), "end an old lease"));
    }
  }
  return std::monostate{};
}

}  // namespace mayfly::containerd
