//go:build vips && cgo

// The sandbox: limits of the process, and on Linux a list of the few system calls that are left.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

int fluxbase_take_output(void) {
  int answers = dup(STDOUT_FILENO);
  if (answers < 0 || fcntl(answers, F_SETFD, FD_CLOEXEC) < 0) return -1;
  if (dup2(STDERR_FILENO, STDOUT_FILENO) < 0) return -2;
  return answers;
}

static int limit(int what, rlim_t value) {
  struct rlimit now;
  if (getrlimit(what, &now) != 0) return -1;
  if (now.rlim_max != RLIM_INFINITY && value > now.rlim_max) value = now.rlim_max;
  now.rlim_cur = now.rlim_max = value;
  return setrlimit(what, &now);
}

int fluxbase_bound_processor(unsigned int seconds) {
  struct rusage used;
  struct rlimit now;
  if (getrusage(RUSAGE_SELF, &used) != 0 || getrlimit(RLIMIT_CPU, &now) != 0) return -1;
  rlim_t until = (rlim_t)used.ru_utime.tv_sec + (rlim_t)used.ru_stime.tv_sec + 1 + seconds;
  if (now.rlim_max != RLIM_INFINITY && until > now.rlim_max) until = now.rlim_max;
  now.rlim_cur = until;
  return setrlimit(RLIMIT_CPU, &now);
}

#if defined(__linux__) && (defined(__x86_64__) || defined(__aarch64__))
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#else
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

#define ALLOW BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define REFUSE(e) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ((e) & SECCOMP_RET_DATA))
#define LET(name) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_##name, 0, 1), ALLOW

// Everything else answers EPERM: no file is opened, no socket made, no program started, no other process seen.
static int enclose_calls(void) {
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      LET(read), LET(readv), LET(write), LET(writev), LET(close), LET(lseek), LET(ppoll), LET(pselect6),
      LET(mmap), LET(munmap), LET(mremap), LET(mprotect), LET(madvise), LET(brk), LET(mincore),
      LET(futex), LET(sched_yield), LET(sched_getaffinity), LET(set_robust_list), LET(get_robust_list), LET(membarrier),
      LET(rt_sigaction), LET(rt_sigprocmask), LET(rt_sigreturn), LET(rt_sigtimedwait), LET(sigaltstack), LET(tgkill), LET(restart_syscall),
      LET(getpid), LET(gettid), LET(getuid), LET(geteuid), LET(getgid), LET(getegid), LET(getrusage), LET(getrandom), LET(uname),
      LET(nanosleep), LET(clock_nanosleep), LET(clock_gettime), LET(clock_getres), LET(gettimeofday), LET(times),
      LET(timer_create), LET(timer_settime), LET(timer_delete), LET(setitimer),
      LET(epoll_create1), LET(epoll_ctl), LET(epoll_pwait), LET(eventfd2), LET(fcntl), LET(fstat), LET(pipe2),
      LET(getrlimit), LET(setrlimit), LET(prlimit64), LET(sysinfo), LET(exit), LET(exit_group),
#ifdef __NR_rseq
      LET(rseq),
#endif
#if defined(__x86_64__)
      LET(poll), LET(select), LET(time), LET(epoll_wait), LET(arch_prctl),
#endif
      // Threads, by the call whose flags can be seen; clone3 hides them, and is answered as if the kernel were older.
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_clone3, 0, 1),
      REFUSE(ENOSYS),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_clone, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 0, 1),
      ALLOW,
      REFUSE(EPERM),
  };
  struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
  long done = syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
  // A kernel without seccomp leaves the limits; one that has it must take it.
  if (done != 0 && !(done < 0 && (errno == ENOSYS || errno == EINVAL))) return -1;
  return 0;
}

// What the process has mapped already, in bytes.
static unsigned long long mapped(void) {
  unsigned long long pages = 0;
  FILE *f = fopen("/proc/self/statm", "r");
  if (f == NULL) return 0;
  if (fscanf(f, "%llu", &pages) != 1) pages = 0;
  fclose(f);
  return pages * (unsigned long long)sysconf(_SC_PAGESIZE);
}
#else
static int enclose_calls(void) { return 0; }
static unsigned long long mapped(void) { return 0; }
#endif

int fluxbase_enclose(unsigned long long memory) {
  unsigned long long already = mapped();
  if (limit(RLIMIT_CORE, 0) != 0) return 1;
  if (limit(RLIMIT_FSIZE, 0) != 0) return 2;
  if (limit(RLIMIT_NOFILE, 16) != 0) return 3;
  // Without a look at what is mapped a bound would be a guess.
  if (memory > 0 && already > 0 && limit(RLIMIT_AS, (rlim_t)(already + memory)) != 0) return 4;
  if (enclose_calls() != 0) return 5;
  return 0;
}
