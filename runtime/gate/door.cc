#include "runtime/gate/door.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "runtime/gate/send.h"
#include "runtime/pidfd.h"

namespace mayfly::gate {
namespace {

using boost::asio::posix::stream_descriptor;
using runtime::Descriptor;
using std::chrono::steady_clock;

// The one that counts, and four that have not said who they are.
constexpr std::size_t kPeersMax = 5;
// Connections accepted at once, and then how many more with each second.
constexpr std::int64_t kAdmissionsMax = 10;
constexpr std::int64_t kAdmissionsPerSecond = 4;

bool has_ended(int socket) {
  char byte = 0;
  return ::recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

std::string reason_of(const ExecFailed& failed) {
  const char* const text = ::strerrordesc_np(failed.error_number);
  return failed.what + ": " +
         (text != nullptr ? text : "error " + std::to_string(failed.error_number));
}

}  // namespace

std::int64_t monotonic_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

Door::Door(boost::asio::io_context& loop, Options options, DoorWatcher& watcher, Tracer& tracer)
    : loop_(loop),
      options_(std::move(options)),
      watcher_(watcher),
      tracer_(tracer),
      listening_(loop),
      admissions_(kAdmissionsMax),
      refilled_(steady_clock::now()) {}

Door::~Door() {
  if (is_traced_) tracer_.end(pid_);
}

// ---- connections ------------------------------------------------------------------------------

tl::expected<void, std::string> Door::listen(Descriptor listening) {
  boost::system::error_code error;
  listening_.assign(listening.get(), error);
  if (error) return tl::make_unexpected("cannot watch the gate's socket: " + error.message());
  [[maybe_unused]] const int now_owned_by_asio = listening.release();
  await_connection();
  return {};
}

void Door::await_connection() {
  listening_.async_wait(stream_descriptor::wait_read, [weak = weak_from_this()](auto error) {
    if (error) return;
    if (const auto self = weak.lock()) self->on_connection();
  });
}

bool Door::refill() {
  const auto now = steady_clock::now();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - refilled_);
  if (seconds.count() > 0) {
    refilled_ = now;
    const auto more = admissions_ + seconds.count() * kAdmissionsPerSecond;
    admissions_ = std::min(kAdmissionsMax, more);
  }
  return admissions_ > 0;
}

void Door::on_connection() {
  while (listening_.is_open() && refill()) {
    Descriptor socket(
        ::accept4(listening_.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket && errno == EAGAIN) return await_connection();
    if (!socket && errno != ECONNABORTED && errno != EINTR) break;  // no descriptors left, say
    --admissions_;
    if (socket) admit(std::move(socket));
  }
  if (listening_.is_open()) watcher_.throttled(*this);
}

void Door::resume() {
  if (listening_.is_open()) on_connection();
}

bool Door::make_room() {
  if (peers_.size() < kPeersMax) return true;
  // Who has something to say says it at once: the oldest of the silent has had its time.
  const auto oldest = std::find_if(peers_.begin(), peers_.end(),
                                   [](const auto& peer) { return peer->state == State::kSilent; });
  if (oldest == peers_.end()) return false;
  peers_.erase(oldest);
  return true;
}

void Door::admit(Descriptor socket) {
  if (!make_room()) return;
  auto peer =
      std::make_unique<Peer>(Peer{++last_peer_, stream_descriptor(loop_), {}, State::kSilent});
  boost::system::error_code error;
  peer->socket.assign(socket.get(), error);
  if (error) return;
  [[maybe_unused]] const int now_owned_by_asio = socket.release();
  await_bytes(*peer);
  peers_.push_back(std::move(peer));
}

// ---- bytes ------------------------------------------------------------------------------------

void Door::await_bytes(Peer& peer) {
  peer.socket.async_wait(stream_descriptor::wait_read,
                         [weak = weak_from_this(), id = peer.id](auto error) {
                           if (error) return;
                           if (const auto self = weak.lock()) self->on_bytes(id);
                         });
}

void Door::on_bytes(std::uint64_t id) {
  Peer* const peer = find(id);
  if (peer == nullptr) return;
  std::array<char, kPeerFrameBytesMax> bytes;
  // recv, not recvmsg: the kernel itself drops descriptors that a peer sends along.
  const auto got =
      ::recv(peer->socket.native_handle(), bytes.data(), peer->lines.room(), MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return await_bytes(*peer);
  if (got <= 0) return on_end(*peer);
  peer->lines.add({bytes.data(), static_cast<std::size_t>(got)});
  take_lines(id);
}

void Door::take_lines(std::uint64_t id) {
  // What is called on the way may end this peer, or all of them.
  while (Peer* const peer = find(id)) {
    const auto line = peer->lines.next();
    if (!line && peer->lines.room() == 0) return reject(*peer, "a frame longer than 4 KiB");
    if (!line) return await_bytes(*peer);
    const auto frame = parse_peer_frame(*line);
    if (!frame) return reject(*peer, frame.error());
    take(*peer, *frame);
  }
}

void Door::on_end(Peer& peer) {
  const std::int64_t at_ns = monotonic_ns();
  switch (peer.state) {
    case State::kReleased:  // closed by exec
      drop(peer);
      return watcher_.running(*this, at_ns);
    case State::kStarting:  // the same, of the app that will connect itself
      return drop(peer);
    case State::kSilent:
    case State::kGreeted:
      if (peer.lines.empty()) return drop(peer);
      return reject(peer, "a connection that ended within a frame");
    case State::kHeld:
      return reject(peer, "the connection of the held gate ended");
  }
}

// ---- frames -----------------------------------------------------------------------------------

void Door::take(Peer& peer, const PeerFrame& frame) {
  if (const auto* failed = std::get_if<ExecFailed>(&frame)) return take_failed(peer, *failed);
  if (peer.state != State::kSilent) return reject(peer, "a frame out of turn");
  if (const auto* hello = std::get_if<Hello>(&frame)) return take_hello(peer, *hello);
  take_ready(peer);
}

void Door::take_hello(Peer& peer, Hello hello) {
  if (hello.hold != options_.hold) return reject(peer, "a gate that holds differently");
  if (hello.hold == Hold::kGate) return hold_peer(peer);
  if (started_) return reject(peer, "a gate for a command that has been started");
  if (hello.hold == Hold::kApp) return start(peer);
  if (place_is_taken(State::kGreeted)) return reject(peer, "a second one to be held");
  peer.state = State::kGreeted;
  trace();
}

void Door::start(Peer& peer) {
  const auto frame = start_frame(options_.reserved);
  if (!frame) return reject(peer, "cannot start the command: " + frame.error());
  const auto sent = send_with_stdio(peer, *frame);
  if (!sent) return reject(peer, "cannot start the command: " + sent.error());
  started_ = true;
  options_.stdio = {};
  peer.state = State::kStarting;
}

tl::expected<void, std::string> Door::send_with_stdio(Peer& peer, std::string_view frame) {
  std::array<int, 3> stdio;
  std::transform(options_.stdio.begin(), options_.stdio.end(), stdio.begin(),
                 [](const Descriptor& copy) { return copy.get(); });
  const std::size_t count = options_.stdio.front() ? stdio.size() : 0;
  return send_frame(peer.socket.native_handle(), frame, {stdio.data(), count});
}

void Door::take_ready(Peer& peer) {
  if (options_.hold != Hold::kApp) return reject(peer, "an app where the gate itself holds");
  hold_peer(peer);
}

void Door::hold_peer(Peer& peer) {
  if (place_is_taken(State::kHeld)) return reject(peer, "a second one to be held");
  peer.state = State::kHeld;
  watcher_.ready(*this);
}

void Door::take_failed(Peer& peer, const ExecFailed& failed) {
  switch (peer.state) {
    case State::kReleased:
      drop(peer);
      return watcher_.failed(*this, reason_of(failed));
    case State::kStarting:  // it was not to run yet
      return reject(peer, reason_of(failed));
    case State::kSilent:
    case State::kGreeted:
    case State::kHeld:
      return reject(peer, "a failed exec that nobody asked for");
  }
}

// ---- the process ------------------------------------------------------------------------------

void Door::started(pid_t pid, Descriptor pidfd) {
  if (options_.hold != Hold::kExec || is_traced_ || stopped_ || released_) return;
  pid_ = pid;
  pidfd_ = std::move(pidfd);
  // One that is marked may have been filled. If it runs, and has stopped itself, it is let go on.
  const bool is_held = Stopped::is_stopped(pid_) &&
                       (options_.is_marked || Stopped::is_untouched(pid_, options_.reserved));
  if (is_held) return hold_stopped();
  trace();
}

void Door::trace() {
  Peer* const gate = find(State::kGreeted);
  if (gate == nullptr || !pidfd_) return;
  const auto seized = tracer_.seize(pid_, pidfd_.get(), [this] { on_stopped(); });
  if (!seized) {
    const Descriptor pidfd = std::exchange(pidfd_, {});
    if (runtime::has_ended(pidfd.get())) return;
    watcher_.untraced(*this, seized.error());
    return hold_peer(*gate);
  }
  is_traced_ = true;
  start(*gate);
  if (!started_) ended();
}

void Door::on_stopped() {
  is_traced_ = false;
  hold_stopped();
}

void Door::hold_stopped() {
  auto found = Stopped::find(pid_, std::move(pidfd_), options_.reserved);
  if (!found) return watcher_.lost(*this, found.error());
  stopped_ = std::move(*found);
  close_to_all();
  watcher_.ready(*this);
}

void Door::ended() {
  stopped_.reset();
  if (std::exchange(is_traced_, false)) tracer_.end(pid_);
}

// ---- peers ------------------------------------------------------------------------------------

Door::Peer* Door::find(std::uint64_t id) {
  const auto found =
      std::find_if(peers_.begin(), peers_.end(), [&](const auto& peer) { return peer->id == id; });
  return found == peers_.end() ? nullptr : found->get();
}

Door::Peer* Door::find(State state) {
  const auto found = std::find_if(peers_.begin(), peers_.end(),
                                  [&](const auto& peer) { return peer->state == state; });
  return found == peers_.end() ? nullptr : found->get();
}

bool Door::place_is_taken(State state) {
  Peer* const earlier = find(state);
  if (earlier == nullptr) return false;
  // Its end may have come already, and wait behind us in the loop.
  if (!has_ended(earlier->socket.native_handle())) return true;
  drop(*earlier);
  return false;
}

bool Door::someone_is_held() const {
  return stopped_ || std::any_of(peers_.begin(), peers_.end(),
                                 [](const auto& peer) { return peer->state == State::kHeld; });
}

void Door::drop(const Peer& gone) {
  std::erase_if(peers_, [&](const auto& peer) { return peer.get() == &gone; });
}

void Door::reject(const Peer& peer, std::string reason) {
  drop(peer);
  // As long as another is held, or nothing is, a stranger's manners are not the worker's state.
  if (!released_ && !someone_is_held()) watcher_.lost(*this, std::move(reason));
}

// ---- release ----------------------------------------------------------------------------------

tl::expected<std::int64_t, std::string> Door::release(std::string_view frame) {
  Peer* const held = find(State::kHeld);
  if (held == nullptr) return tl::make_unexpected(std::string("its gate is not connected"));
  const auto sent = options_.hold == Hold::kApp
                        ? send_frame(held->socket.native_handle(), frame, {})
                        : send_with_stdio(*held, frame);
  const std::int64_t at_ns = monotonic_ns();
  if (!sent) {
    drop(*held);
    return tl::make_unexpected("the release could not be sent: " + sent.error());
  }
  released_ = true;
  held->state = State::kReleased;
  options_.stdio = {};
  boost::system::error_code ignored;
  listening_.close(ignored);
  std::erase_if(peers_, [&](const auto& peer) {
    return options_.hold == Hold::kApp || peer->state != State::kReleased;
  });
  return at_ns;
}

tl::expected<void, std::string> Door::has_room_for(const Environment& env) const {
  return stopped_->has_room_for(env);
}

tl::expected<std::int64_t, std::string> Door::let_run(const Environment& env) {
  const auto let_go = stopped_->let_run(env);
  const std::int64_t at_ns = monotonic_ns();
  stopped_.reset();
  if (!let_go) return tl::make_unexpected(let_go.error());
  released_ = true;
  return at_ns;
}

void Door::close_to_all() {
  boost::system::error_code ignored;
  listening_.close(ignored);
  peers_.clear();
}

void Door::shut() {
  if (stopped_) stopped_->kill();  // nobody could let it run any more
  ended();
  close_to_all();
}

}  // namespace mayfly::gate
