#include "runtime/oci/seccomp.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>

namespace mayfly::oci {
namespace {

using nlohmann::json;

// Names that an architecture or an older libseccomp lacks are skipped by runc, so one table serves
// both architectures, their 32-bit forms included. io_uring is left out on purpose, as Docker does:
// it performs calls past the filter.
constexpr std::string_view kFiles =
    "access cachestat chdir chmod chown chown32 close close_range copy_file_range creat dup dup2 "
    "dup3 faccessat faccessat2 fadvise64 fadvise64_64 fallocate fchdir fchmod fchmodat fchmodat2 "
    "fchown fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr flistxattr flock fremovexattr "
    "fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futimesat "
    "getcwd getdents getdents64 getxattr getxattrat inotify_add_watch inotify_init inotify_init1 "
    "inotify_rm_watch ioctl lchown lchown32 lgetxattr link linkat listxattr listxattrat llistxattr "
    "_llseek lremovexattr lseek lsetxattr lstat lstat64 mkdir mkdirat mknod mknodat "
    "name_to_handle_at "
    "newfstatat open openat openat2 pipe pipe2 pread64 preadv preadv2 pwrite64 pwritev pwritev2 "
    "read "
    "readahead readlink readlinkat readv removexattr removexattrat rename renameat renameat2 rmdir "
    "sendfile sendfile64 setxattr setxattrat splice stat stat64 statfs statfs64 statx symlink "
    "symlinkat sync sync_file_range syncfs tee truncate truncate64 umask unlink unlinkat utime "
    "utimensat utimensat_time64 utimes vmsplice write writev";
constexpr std::string_view kMemory =
    "brk madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock mlock2 "
    "mlockall "
    "mmap mmap2 mprotect mremap mseal msync munlock munlockall munmap pkey_alloc pkey_free "
    "pkey_mprotect process_mrelease remap_file_pages";
constexpr std::string_view kProcesses =
    "capget capset execve execveat exit exit_group fork get_robust_list get_thread_area getegid "
    "getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getpgid getpgrp getpid "
    "getppid "
    "getresgid getresgid32 getresuid getresuid32 getrlimit getrusage getsid gettid getuid getuid32 "
    "pidfd_open pidfd_send_signal prctl prlimit64 process_vm_readv process_vm_writev ptrace rseq "
    "seccomp set_robust_list set_thread_area set_tid_address setfsgid setfsgid32 setfsuid "
    "setfsuid32 "
    "setgid setgid32 setgroups setgroups32 setpgid setregid setregid32 setresgid setresgid32 "
    "setresuid setresuid32 setreuid setreuid32 setrlimit setsid setuid setuid32 ugetrlimit uname "
    "vfork wait4 waitid waitpid landlock_add_rule landlock_create_ruleset landlock_restrict_self";
constexpr std::string_view kSignals =
    "kill pause restart_syscall rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo "
    "rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo "
    "sigaltstack "
    "signalfd signalfd4 sigprocmask sigreturn tgkill tkill";
constexpr std::string_view kTime =
    "alarm clock_getres clock_getres_time64 clock_gettime clock_gettime64 clock_nanosleep "
    "clock_nanosleep_time64 adjtimex clock_adjtime clock_adjtime64 getitimer gettimeofday "
    "nanosleep "
    "setitimer time timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 "
    "timer_settime timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 "
    "timerfd_settime "
    "timerfd_settime64 times";
constexpr std::string_view kSockets =
    "accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg "
    "recvmmsg_time64 recvmsg send sendmmsg sendmsg sendto setsockopt shutdown socketcall "
    "socketpair";
constexpr std::string_view kEvents =
    "epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait "
    "epoll_wait_old eventfd eventfd2 fanotify_mark futex futex_requeue futex_time64 futex_wait "
    "futex_waitv futex_wake io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 "
    "io_setup io_submit _newselect poll ppoll ppoll_time64 pselect6 pselect6_time64 select";
constexpr std::string_view kMessages =
    "ipc mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend "
    "mq_timedsend_time64 mq_unlink msgctl msgget msgrcv msgsnd semctl semget semop semtimedop "
    "semtimedop_time64 shmat shmctl shmdt shmget";
constexpr std::string_view kScheduling =
    "getcpu getpriority getrandom ioprio_get ioprio_set sched_get_priority_max "
    "sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler "
    "sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_setattr "
    "sched_setparam sched_setscheduler sched_yield setpriority sysinfo";
constexpr std::array kAlways{kFiles,   kMemory, kProcesses, kSignals,   kTime,
                             kSockets, kEvents, kMessages,  kScheduling};

constexpr std::string_view kX86Only = "arch_prctl modify_ldt";
constexpr std::string_view kArmOnly =
    "arm_fadvise64_64 arm_sync_file_range breakpoint cacheflush set_tls sync_file_range2";

struct Conditional {
  std::string_view capability;
  std::string_view calls;
};
constexpr std::string_view kAdmin = "CAP_SYS_ADMIN";
constexpr std::array kWithCapability{
    Conditional{
        kAdmin,
        "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie "
        "lsm_get_self_attr lsm_list_modules lsm_set_self_attr mount mount_setattr move_mount "
        "open_tree perf_event_open quotactl quotactl_fd setdomainname sethostname setns "
        "statmount listmount syslog umount umount2 unshare"},
    Conditional{"CAP_DAC_READ_SEARCH", "open_by_handle_at"},
    Conditional{"CAP_SYS_BOOT", "reboot"},
    Conditional{"CAP_SYS_CHROOT", "chroot"},
    Conditional{"CAP_SYS_MODULE", "delete_module finit_module init_module query_module"},
    Conditional{"CAP_SYS_PACCT", "acct"},
    Conditional{"CAP_SYS_PTRACE", "kcmp pidfd_getfd process_madvise"},
    Conditional{"CAP_SYS_RAWIO", "ioperm iopl"},
    Conditional{"CAP_SYS_TIME", "clock_settime clock_settime64 settimeofday stime"},
    Conditional{"CAP_SYS_TTY_CONFIG", "vhangup"},
    Conditional{"CAP_SYS_NICE",
                "get_mempolicy mbind migrate_pages move_pages set_mempolicy "
                "set_mempolicy_home_node"},
    Conditional{"CAP_SYSLOG", "syslog"},
    Conditional{"CAP_BPF", "bpf"},
    Conditional{"CAP_PERFMON", "perf_event_open"},
};

constexpr std::uint32_t kEnosys = 38;
constexpr std::uint32_t kEperm = 1;
constexpr std::uint64_t kVsock =
    40;  ///< AF_VSOCK would reach the hypervisor past every network limit
/// CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET.
constexpr std::uint64_t kNewNamespaces = 0x7E020000;

void add_names(json& names, std::string_view calls) {
  while (!calls.empty()) {
    const auto end = std::min(calls.find(' '), calls.size());
    names.push_back(calls.substr(0, end));
    calls.remove_prefix(std::min(end + 1, calls.size()));
  }
}

json argument(std::uint32_t index, std::uint64_t value, const char* op) {
  return {{"index", index}, {"value", value}, {"op", op}};
}

json rule(json names, const char* action) {
  return {{"names", std::move(names)}, {"action", action}};
}

json allow_if(const char* call, json argument) {
  auto allowed = rule(json::array({call}), "SCMP_ACT_ALLOW");
  allowed["args"] = json::array({std::move(argument)});
  return allowed;
}

/// The 32-bit forms of the architecture run too: an image may hold such programs.
json architectures(Architecture architecture) {
  switch (architecture) {
    case Architecture::kX86_64:
      return {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"};
    case Architecture::kArm64:
      return {"SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"};
  }
  return json::array();
}

/// Without the capability no new namespaces. What clone3 asks for is behind a pointer that no
/// filter can read: "not implemented" makes C libraries fall back to clone.
void restrict_clone(json& rules) {
  auto clone = argument(0, kNewNamespaces, "SCMP_CMP_MASKED_EQ");
  clone["valueTwo"] = 0;
  rules.push_back(allow_if("clone", std::move(clone)));
  auto clone3 = rule(json::array({"clone3"}), "SCMP_ACT_ERRNO");
  clone3["errnoRet"] = kEnosys;
  rules.push_back(std::move(clone3));
}

}  // namespace

json seccomp_profile(Architecture architecture, const std::vector<std::string>& capabilities) {
  const auto holds = [&](std::string_view capability) {
    return std::ranges::find(capabilities, capability) != capabilities.end();
  };
  json allowed = json::array();
  for (const auto calls : kAlways) add_names(allowed, calls);
  add_names(allowed, architecture == Architecture::kX86_64 ? kX86Only : kArmOnly);
  for (const auto& [capability, calls] : kWithCapability) {
    if (holds(capability)) add_names(allowed, calls);
  }
  json rules = json::array({rule(std::move(allowed), "SCMP_ACT_ALLOW")});
  // Linux, the same without address randomisation, 32-bit, both, and "which is it now?".
  for (const std::uint64_t persona : {0x0ULL, 0x8ULL, 0x20000ULL, 0x20008ULL, 0xFFFFFFFFULL}) {
    rules.push_back(allow_if("personality", argument(0, persona, "SCMP_CMP_EQ")));
  }
  rules.push_back(allow_if("socket", argument(0, kVsock, "SCMP_CMP_NE")));
  if (!holds(kAdmin)) restrict_clone(rules);
  return {{"defaultAction", "SCMP_ACT_ERRNO"},
          {"defaultErrnoRet", kEperm},
          {"architectures", architectures(architecture)},
          {"syscalls", std::move(rules)}};
}

const std::string& SeccompProfiles::text(Architecture architecture,
                                         const std::vector<std::string>& capabilities) {
  std::pair key(architecture, capabilities);
  if (const auto known = texts_.find(key); known != texts_.end()) return known->second;
  if (texts_.size() == kKeptMax) texts_.clear();
  auto text = seccomp_profile(architecture, capabilities).dump();
  return texts_.emplace(std::move(key), std::move(text)).first->second;
}

}  // namespace mayfly::oci
