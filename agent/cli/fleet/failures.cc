#include "agent/cli/fleet/failures.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "agent/cli/text.h"

namespace mayfly::cli::fleet {
namespace {

/// Words of etcd's, of curl's or of OpenSSL's, and what mends it.
struct Advice {
  std::string_view said;
  std::string_view what;
};

constexpr std::string_view kAuthority =
    "ca_file of the context must be the authority of etcd's certificate";
constexpr std::string_view kCertificate =
    "if etcd asks for certificates, cert_file and key_file of the context must be of the authority "
    "that it trusts, and not expired (`openssl x509 -noout -dates -in FILE`)";

/// The first that fits is said. Foreign words may change: then there is none.
constexpr std::array kAdvice{
    Advice{"invalid user ID or password", "look at user and password_file of the context"},
    Advice{"user name is empty",
           "this etcd asks for users: set user and password_file in the context"},
    Advice{"permission denied", "the roles of the context's user do not allow it"},
    Advice{"CommonName of client",
           "where etcd asks for users, the certificate of cert_file must have no CommonName"},
    Advice{"certificate has expired", "etcd's own certificate is to be renewed"},
    Advice{"issuer certificate", kAuthority},
    Advice{"self-signed certificate", kAuthority},
    Advice{"self signed certificate", kAuthority},
    Advice{"error setting certificate file", "ca_file of the context must be there"},
    Advice{"subject name matches", "the endpoint must be one that etcd's certificate names"},
    Advice{"set private key file", "key_file of the context must be the key of cert_file"},
    Advice{" alert ", kCertificate},
    Advice{"sending data to the peer", kCertificate},
    Advice{"Server returned nothing", "an etcd with TLS is reached by https://"},
    Advice{"SSL_connect", "an etcd without TLS is reached by http://"},
    Advice{"reset by peer",  // of the one or the other, or it has just ended
           "if it stays so: an etcd with TLS is reached by https://, "
           "an etcd without TLS is reached by http://"}};

std::string with_advice(const std::string& what) {
  const auto found = std::find_if(kAdvice.begin(), kAdvice.end(), [&what](const Advice& each) {
    return what.find(each.said) != std::string::npos;
  });
  return found == kAdvice.end() ? what : what + "; " + std::string(found->what);
}

}  // namespace

Failure failure_of(const etcd::Error& error, const std::string& cluster) {
  const std::string what = with_advice(printable(error.what));
  switch (error.kind) {
    case etcd::ErrorKind::kRefused:
      return {ExitCode::kRefused, "the etcd of cluster " + cluster + " refuses: " + what};
    case etcd::ErrorKind::kNotFound:
      return {ExitCode::kNotFound, "the etcd of cluster " + cluster + " has none: " + what};
    case etcd::ErrorKind::kFailed:
      return {ExitCode::kNoDaemon, "no etcd of cluster " + cluster + " answers: " + what};
    case etcd::ErrorKind::kUnknown:
      return {ExitCode::kTimedOut, "the etcd of cluster " + cluster + " did not answer: " + what};
  }
  return {};
}

}  // namespace mayfly::cli::fleet
