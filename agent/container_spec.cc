#include "agent/container_spec.h"

#include "agent/names.h"
#include "runtime/gate/gates.h"

namespace mayfly::agent {
namespace {

runtime::Network network_of(const std::string& network) {
  if (network == config::kNetworkNone) return {};
  if (network == config::kNetworkHost) return {runtime::Network::Kind::kHost, {}};
  return {runtime::Network::Kind::kNamed, network};
}

std::vector<std::string> entrypoint(config::Hold hold) {
  switch (hold) {
    case config::Hold::kGate:
      return {gate::kGateTarget, "--"};
    case config::Hold::kExec:
      return {gate::kGateTarget, "--hold=exec", "--"};
    case config::Hold::kApp:
      return {gate::kGateTarget, "--hold=app", "--"};
  }
  return {gate::kGateTarget, "--"};
}

std::vector<runtime::Mount> mounts(const config::Template& worker, const WorkerPlace& place) {
  std::vector<runtime::Mount> all;
  all.push_back({place.gate_mount, gate::kMountTarget, true});
  all.push_back({place.gate_program, gate::kGateTarget, true});
  for (const config::Mount& mount : worker.mounts) {
    all.push_back({mount.source, mount.target, mount.read_only});
  }
  return all;
}

}  // namespace

runtime::ContainerSpec container_spec(const KnownRevision& revision, const WorkerPlace& place) {
  const config::Template& worker = revision.worker;
  runtime::ContainerSpec spec;
  spec.name = place.container;
  spec.labels = {{kLabelInstance, place.instance},
                 {kLabelPool, revision.row.pool},
                 {kLabelWorker, place.worker},
                 {kLabelRevision, std::to_string(revision.row.number)},
                 {kLabelSpec, revision.row.hash}};
  spec.image = revision.row.image;
  spec.image_name = worker.image;
  spec.entrypoint = entrypoint(worker.hold);
  spec.command = worker.command;
  spec.env.assign(worker.env.begin(), worker.env.end());
  spec.env.emplace_back("MAYFLY_POOL", revision.row.pool);
  spec.env.emplace_back("MAYFLY_WORKER", place.worker);
  spec.user = worker.user;
  spec.working_directory = worker.working_directory;
  spec.mounts = mounts(worker, place);
  spec.resources = {worker.resources.cpu, worker.resources.memory_bytes, worker.resources.pids};
  spec.network = network_of(worker.network);
  spec.security = {worker.security.seccomp, worker.security.no_new_privileges,
                   worker.security.read_only_rootfs, worker.security.capabilities};
  return spec;
}

}  // namespace mayfly::agent
