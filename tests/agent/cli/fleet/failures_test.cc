#include "agent/cli/fleet/failures.h"

#include <gtest/gtest.h>

namespace mayfly::cli::fleet {
namespace {

std::string said(const std::string& what) {
  return failure_of({.what = what}, "blue").what;
}

TEST(FailureOfEtcd, SaysWhatMendsIt) {
  EXPECT_EQ(
      said("error reading ca cert file: issuer certificate is not there"),
      "no etcd of cluster blue answers: error reading ca cert file: issuer certificate is not "
      "there; ca_file of the context must be the authority of etcd's certificate");
  EXPECT_TRUE(said("Server returned nothing").ends_with("reached by https://"));
  EXPECT_TRUE(said("OpenSSL SSL_connect: version").ends_with("reached by http://"));
}

TEST(FailureOfEtcd, SaysBothWhereEitherCanBe) {
  const std::string message = said("Recv failure: Connection reset by peer");
  EXPECT_NE(message.find("an etcd with TLS is reached by https://"), std::string::npos) << message;
  EXPECT_NE(message.find("an etcd without TLS is reached by http://"), std::string::npos)
      << message;
}

TEST(FailureOfEtcd, SaysNoMoreThanItKnows) {
  EXPECT_EQ(said("Couldn't connect"), "no etcd of cluster blue answers: Couldn't connect");
}

}  // namespace
}  // namespace mayfly::cli::fleet
