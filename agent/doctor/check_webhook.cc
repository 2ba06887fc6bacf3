// Whether events can be signed.
#include <sys/stat.h>

#include "agent/doctor/check.h"

namespace mayfly::doctor {

std::vector<Check> check_webhook(const Host& host, const config::Webhook& webhook) {
  if (webhook.url.empty()) return {};
  const std::string& file = webhook.secret_file;
  const auto status = host.status(host.root + file);
  if (!status) {
    return {{"webhook", Status::kFailed, file + " is not there: events are not told",
             "openssl rand -hex 32 > " + file + " && chmod 600 " + file}};
  }
  if ((status->mode & S_IRWXO) != 0) {
    return {{"webhook", Status::kFailed, file + " is open to all users: events are not told",
             "chmod o= " + file}};
  }
  return {{"webhook", Status::kOk, "events are signed with " + file, ""}};
}

}  // namespace mayfly::doctor
