// One request on its way, as a curl handle, and what has come back of it so far. Knows how curl is
// told a request and what its endings mean; refuses to know loops, threads and deadlines.
#pragma once

#include <array>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/http/request.h"

using CURL = void;
struct curl_slist;

namespace mayfly::http {

/// Where requests go, whatever their URLs say of it, and how it proves itself.
struct Server {
  std::string socket;       ///< path of a unix socket; "" = by the URL's host and port
  std::string ca_file;      ///< PEM, in place of the host's own; "" = the host's own
  std::string client_cert;  ///< PEM files, both or none
  std::string client_key;
};

class Transfer {
 public:
  /// What becomes of the body of a 2xx answer.
  enum class Body : std::uint8_t { kGathered, kStreamed };

  /// Connects to nothing yet.
  Transfer(std::uint64_t id, const Server& server, Request request, Body body);
  ~Transfer();
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  [[nodiscard]] std::uint64_t id() const { return id_; }
  [[nodiscard]] CURL* handle() const { return handle_; }

  /// Empty, or why it cannot begin: the file to be sent cannot be read, no memory.
  [[nodiscard]] const std::string& fault() const { return fault_; }

  [[nodiscard]] bool may_finish() const { return request_.when_late == WhenLate::kLetFinish; }

  // Of a streamed one, each since the last time that it was asked.
  [[nodiscard]] bool take_changed() { return std::exchange(changed_, false); }
  [[nodiscard]] bool take_opened() { return std::exchange(opened_, false); }  ///< 2xx has begun
  [[nodiscard]] std::string take_pieces() { return std::exchange(pieces_, {}); }

  /// Nothing of the request has left for the server.
  [[nodiscard]] bool is_unsent() const;

  /// Once curl is through with it, `code` being a CURLcode.
  [[nodiscard]] Reply reply(int code);

 private:
  void set_options(const Server& server);
  void set_server(const Server& server);
  void set_body();
  bool take_header(std::string_view line);
  bool take_body(std::string_view bytes);
  [[nodiscard]] int status() const;

  static int on_sending(void* self, char*, char*, int, int);
  static std::size_t on_header(char* bytes, std::size_t size, std::size_t count, void* self);
  static std::size_t on_body(char* bytes, std::size_t size, std::size_t count, void* self);
  static std::size_t on_read(char* bytes, std::size_t size, std::size_t count, void* self);

  std::uint64_t id_;
  CURL* handle_;
  curl_slist* header_list_ = nullptr;
  Request request_;
  Body body_;
  std::FILE* file_ = nullptr;
  std::size_t body_sent_ = 0;  ///< before the file
  std::string fault_;
  std::array<char, 256> said_{};  ///< by curl, of what went wrong
  Answer answer_;
  std::size_t header_bytes_ = 0;
  std::string pieces_;
  bool headers_whole_ = false;
  bool open_ = false;  ///< it is 2xx
  bool opened_ = false;
  bool changed_ = false;
  bool begun_ = false;  ///< curl was about to send it
};

}  // namespace mayfly::http
