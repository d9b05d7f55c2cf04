#pragma once
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/xattr.h>
#include <unistd.h>

// glibc declares these only for programs that define _GNU_SOURCE, which Swift's Glibc module does
// not.
int renameat2(int, const char *, int, const char *, unsigned int);
int fallocate(int, int, off_t, off_t);
int sync_file_range(int, off_t, off_t, unsigned int);

/// Atomically exchanges the names of two files or folders.
static inline int csystem_exchange(const char *a, const char *b) {
  const int current_folder = -100;   // AT_FDCWD
  const unsigned int exchange = 2;   // RENAME_EXCHANGE
  return renameat2(current_folder, a, current_folder, b, exchange);
}

/// Reserves disk space for the first `size` bytes. `posix_fallocate` would write the whole file
/// where the file system cannot reserve.
static inline int csystem_reserve(int file, int64_t size) { return fallocate(file, 0, 0, size); }

/// Starts writing the file's modified pages to disk without waiting for them.
static inline int csystem_start_writing(int file) {
  const unsigned int write = 2;  // SYNC_FILE_RANGE_WRITE
  return sync_file_range(file, 0, 0, write);
}

/// Opens a file without a name in a folder, for writing; it vanishes when it is closed.
static inline int csystem_open_unnamed(const char *folder) {
  return open(folder, __O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
}

/// Starts a copy of this process, which ends with it. Swift hides `fork`, because a copy has only the
/// calling thread: call this while there is no other.
static inline pid_t csystem_fork(void) {
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child != 0) return child;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(0);
  return 0;
}

#if defined(__x86_64__)
// Compiled for any processor, unlike what calls it.
#define CSYSTEM_EVERYWHERE __attribute__((target("arch=x86-64")))
#else
#define CSYSTEM_EVERYWHERE
#endif

/// Ends the process with a message and status 69 if the processor lacks instructions that all programs
/// are compiled for; otherwise the first of them would end it with SIGILL.
CSYSTEM_EVERYWHERE static inline void csystem_check_processor(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
      __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2"))
    return;
  const char *message =
      "this processor lacks AVX2, FMA or BMI2; the programs need those of Haswell (2013), Zen (2017) "
      "or later\n";
  if (write(STDERR_FILENO, message, strlen(message)) < 0) _exit(74);
  _exit(69);
#endif
}
