#include "runtime/registry/blob_transfer.h"

#include <utility>

namespace mayfly::registry {

BlobTransfer::Outcome BlobTransfer::prepare() {
  too_much_ = false;
  if (sink_.offset() > size()) start_over();
  from_ = sink_.offset();
  if (fault_) return tl::unexpected(Trouble{std::move(*fault_), 0, {}});
  return {};
}

HttpRequest BlobTransfer::request() {
  HttpRequest request;
  if (from_ > 0) request.headers.push_back("Range: bytes=" + std::to_string(from_) + "-");
  request.begin = [this](const HttpReply& reply) { return begin(reply); };
  request.take = [this](std::string_view piece) { return take(piece); };
  return request;
}

bool BlobTransfer::begin(const HttpReply& reply) {
  if (from_ == 0) return reply.status == 200;
  if (reply.status == 206) {
    return reply.header("content-range").starts_with("bytes " + std::to_string(from_) + "-");
  }
  start_over();  // all of it comes, as from a registry that knows no ranges
  return !fault_;
}

bool BlobTransfer::take(std::string_view piece) {
  const auto at = sink_.offset();
  too_much_ = piece.size() > size() - at;
  if (too_much_) return false;
  if (hashed_ == at) {
    hash_.add(piece);
    hashed_ += piece.size();
  }
  if (auto written = sink_.write(piece); !written) fault_ = std::move(written.error());
  return !fault_;
}

void BlobTransfer::start_over() {
  hash_.restart();
  hashed_ = 0;
  if (auto cleared = sink_.restart(); !cleared) fault_ = std::move(cleared.error());
}

Trouble BlobTransfer::wrong(const std::string& how) {
  start_over();
  if (fault_) return {std::move(*fault_), 0, {}};
  return corrupted("registry " + asked_.host + " sends for " + blob_.digest + " " + how);
}

std::optional<Trouble> BlobTransfer::own_trouble() {
  if (fault_) return Trouble{std::move(*fault_), 0, {}};
  if (too_much_) return wrong("more bytes than it has");
  return std::nullopt;
}

BlobTransfer::Outcome BlobTransfer::conclude() {
  if (sink_.offset() < size()) {
    return tl::unexpected(
        trouble_of({HttpFailure::Kind::kCut, "it ended before the blob did"}, asked_));
  }
  // Who did not see it from its first byte on leaves it to the sink.
  if (hashed_ != size() || hash_.digest() == blob_.digest) return {};
  return tl::unexpected(wrong("bytes that are not what this digest names"));
}

}  // namespace mayfly::registry
