#include "runtime/gate/send.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace mayfly::gate {

tl::expected<void, std::string> send_frame(int socket, std::string_view frame,
                                           std::span<const int> descriptors) {
  alignas(cmsghdr) char control[CMSG_SPACE(3 * sizeof(int))] = {};
  iovec part{const_cast<char*>(frame.data()), frame.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (!descriptors.empty()) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size_bytes());
  }
  const ssize_t sent = ::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent < 0) return tl::make_unexpected(std::string(std::strerror(errno)));
  if (static_cast<std::size_t>(sent) != frame.size()) {
    return tl::make_unexpected(std::string("it took only a part of the frame"));
  }
  return {};
}

}  // namespace mayfly::gate
