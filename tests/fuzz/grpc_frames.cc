// Bytes of a gRPC reply as a hostile server may send them: the first byte says how the rest is cut
// into pieces; each piece goes to the deframer, and as a header's value to the status.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "runtime/containerd/containerd.pb.h"
#include "runtime/containerd/grpc/frames.h"
#include "runtime/containerd/translate.h"

namespace {

using namespace mayfly::containerd;

constexpr std::size_t kMessageMax = 4096;

void expect(bool so) {
  if (!so) std::abort();
}

void read_status(std::string_view value) {
  grpc::ReplyFields fields;
  fields.add(":status", "200");
  fields.add("content-type", "application/grpc");
  fields.add("grpc-status", value);
  fields.add("grpc-message", value);
  const auto status = fields.status();
  if (!status) return;
  expect(status->message.size() <= grpc::kStatusMessageMax);
  expect(status->message.find('\n') == std::string::npos);
  static_cast<void>(
      fault_of({grpc::Failure::Kind::kAnswered, status->code, status->message}, "fuzz"));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = 1U + data[0];
  std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  grpc::Deframer whole(kMessageMax);
  const auto at_once = whole.feed(rest);
  read_status(rest);

  grpc::Deframer deframer(kMessageMax);
  std::vector<std::string> in_pieces;
  bool broken = false;
  while (!rest.empty() && !broken) {
    const auto messages = deframer.feed(rest.substr(0, piece));
    rest.remove_prefix(std::min(piece, rest.size()));
    broken = !messages;
    if (messages) in_pieces.insert(in_pieces.end(), messages->begin(), messages->end());
  }
  expect(broken == !at_once.has_value());
  if (at_once) expect(*at_once == in_pieces);
  for (const auto& message : in_pieces) {
    expect(message.size() <= kMessageMax);
    wire::ContainerListed container;
    static_cast<void>(container.ParseFromString(message));
    wire::TasksListed tasks;
    static_cast<void>(tasks.ParseFromString(message));
  }
  return 0;
}
