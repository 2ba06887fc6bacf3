// An etcd cluster of the test's own, on an address of loopback that nobody else uses, each member
// ended by pid: one member or three, in plain HTTP or with TLS both ways.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/support/private_daemon.h"

namespace mayfly::support {

class EtcdMember final : public PrivateDaemon {
 public:
  struct Place {
    std::string name;
    std::string address;               ///< of loopback
    int index = 0;                     ///< ports go by it
    std::string cluster;               ///< all members, as --initial-cluster has them
    std::string certificates;          ///< folder with ca.pem, server.pem, server.key; "": no TLS
    std::vector<std::string> options;  ///< more of etcd's own
  };

  explicit EtcdMember(Place place);
  ~EtcdMember() override;

  [[nodiscard]] std::string client_url() const;
  [[nodiscard]] static std::string peer_url(const std::string& address, int index);
  /// Knows a leader.
  [[nodiscard]] bool is_healthy() const;

  [[nodiscard]] std::string socket() const override { return ""; }
  [[nodiscard]] std::vector<std::string> leftovers() const override { return {}; }

 private:
  [[nodiscard]] std::vector<std::string> command() const override;
  /// It may not yet: that takes the others.
  [[nodiscard]] bool serves() const override;
  [[nodiscard]] int metrics_port() const;

  Place place_;
};

class PrivateEtcd {
 public:
  enum class Transport : std::uint8_t { kPlain, kTls };
  struct Options {
    int members = 1;
    Transport transport = Transport::kPlain;
    std::vector<std::string> options = {};
  };

  /// Starts it and waits until it is healthy. A host without etcd fails the test (an exception).
  PrivateEtcd() : PrivateEtcd(Options{}) {}
  explicit PrivateEtcd(Options options);
  ~PrivateEtcd();

  [[nodiscard]] std::vector<std::string> endpoints() const;
  [[nodiscard]] EtcdMember& member(std::size_t index) { return *members_.at(index); }
  [[nodiscard]] std::size_t leader();
  void await_healthy();

  /// etcdctl with these words, at all members or at one. Returns what it prints; a failure is an
  /// exception.
  std::string ctl(std::vector<std::string> words) const;
  std::string ctl_at(const std::string& endpoint, std::vector<std::string> words) const;
  void use_login(const std::string& user_and_password) { login_ = user_and_password; }

  /// Folder of ca.pem, client.pem and client.key. REQUIRES: kTls.
  [[nodiscard]] const std::string& certificates() const { return certificates_; }
  /// All of them, and their authority; the members start again with them. REQUIRES: kTls.
  void renew_certificates();

 private:
  std::string address_;
  std::string certificates_;
  std::string login_;  ///< "user:password"
  std::vector<std::unique_ptr<EtcdMember>> members_;
};

}  // namespace mayfly::support
