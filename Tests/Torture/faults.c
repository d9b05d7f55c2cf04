// Counts the system calls of a program on the files of one folder, and lets one of them fail or kills
// the program before it. It is loaded before the C library (LD_PRELOAD) and controlled by variables:
//
//   FAULT_ROOT     the folder, in which the program also runs: relative paths are in it
//   FAULT_PROGRAM  the program that is concerned; without it all that the process starts
//   FAULT_COUNTER  a file of 8 zero bytes, in which all processes count
//   FAULT_LOG      a file to which a line is appended for each call, or only for those that failed:
//                  its number, the program, the call and the path
//   FAULT_AT       the number of the call that fails, from 1; 0: count only
//   FAULT_CODE     the errno; or SHORT: one byte is read or written; KILL: the process group dies, in a
//                  call that writes after half of it; TERM: the program is asked to end
//   FAULT_STICKY   with it all later calls that need space on the disk fail, too
//
// Calls that glibc makes itself, such as those of stdio, are not seen.
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SHORT = -1, KILL = -2, TERM = -3, MAX_FILES = 4096 };

static const char *root;
static size_t root_length;
static _Atomic uint64_t *counter;
static uint64_t failing;
static int code, log_file = -1;
static bool sticky;
static atomic_bool is_tracked[MAX_FILES];

// MARK: - Which files

static bool tracks_path(const char *path) {
  if (!counter || !path) return false;
  if (path[0] != '/') return true;
  return strncmp(path, root, root_length) == 0 && (path[root_length] == '/' || !path[root_length]);
}

static bool tracks(int file) {
  return counter && file >= 0 && file < MAX_FILES && is_tracked[file];
}

static int track(int file, bool isTracked) {
  if (file >= 0 && file < MAX_FILES) is_tracked[file] = isTracked;
  return file;
}

__attribute__((constructor)) static void begin(void) {
  const char *program = getenv("FAULT_PROGRAM"), *path = getenv("FAULT_COUNTER");
  root = getenv("FAULT_ROOT");
  if (!root || !path) return;
  if (program && strcmp(program, program_invocation_short_name) != 0) return;
  root_length = strlen(root);
  failing = strtoull(getenv("FAULT_AT"), NULL, 10);
  code = atoi(getenv("FAULT_CODE"));
  sticky = getenv("FAULT_STICKY") != NULL;
  log_file = (int)syscall(SYS_openat, AT_FDCWD, getenv("FAULT_LOG"),
                          O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  int file = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
  void *page = (void *)syscall(SYS_mmap, NULL, 8, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  syscall(SYS_close, file);
  if (page == MAP_FAILED) abort();
  // The standard input and output may be such files.
  for (int number = 0; number < 2; number++) {
    char name[32], target[4096] = {0};
    snprintf(name, sizeof name, "/proc/self/fd/%d", number);
    if (readlink(name, target, sizeof target - 1) < 0 || target[0] != '/') continue;
    track(number, strncmp(target, root, root_length) == 0 && target[root_length] == '/');
  }
  counter = page;
}

// MARK: - Counting

static void note(uint64_t number, const char *name, const char *path) {
  char line[4096];
  int length = snprintf(line, sizeof line, "%llu %s %s %s\n", (unsigned long long)number,
                        program_invocation_short_name, name, path);
  syscall(SYS_write, log_file, line, length < 4096 ? length : 4095);
}

static void note_file(uint64_t number, const char *name, int file) {
  char link[32], target[4096] = {0};
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  if (readlink(link, target, sizeof target - 1) < 0) target[0] = '?';
  note(number, name, target);
}

/// Counts a call; returns what is to become of it: 0 if it is to be made.
static int count(const char *name, const char *path, int file, bool needs_space) {
  int saved = errno;
  uint64_t number = atomic_fetch_add(counter, 1) + 1;
  bool fails = failing && (number == failing || (sticky && needs_space && number > failing));
  if (!failing || fails) {
    if (path) note(number, name, path); else note_file(number, name, file);
  }
  if (fails && code == TERM) kill(getpid(), SIGTERM);
  errno = saved;
  return fails && code != TERM ? code : 0;
}

static void end(void) {
  kill(0, SIGKILL);
  for (;;) pause();
}

/// Begins a call that cannot be short; if it fails, returns from the function.
#define FAIL_IF(TRACKED, NAME, PATH, FILE, SPACE, FAILURE)         \
  if (TRACKED) {                                                   \
    int fault = count(NAME, PATH, FILE, SPACE);                    \
    if (fault == KILL) end();                                      \
    if (fault > 0) { errno = fault; return FAILURE; }              \
  }

#define REAL(NAME) ((typeof(&NAME))dlsym(RTLD_NEXT, #NAME))
#define EXPORTED __attribute__((visibility("default")))

// MARK: - Opening

static int open_at(int folder, const char *path, int flags, mode_t mode) {
  bool creates = flags & (O_CREAT | O_TRUNC), isTracked = tracks_path(path);
  FAIL_IF(isTracked, creates ? "create" : "open", path, -1, creates, -1)
  return track((int)syscall(SYS_openat, folder, path, flags, mode), isTracked);
}

#define OPEN(NAME)                                                 \
  EXPORTED int NAME(const char *path, int flags, ...) {            \
    va_list rest;                                                  \
    va_start(rest, flags);                                         \
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
    va_end(rest);                                                  \
    return open_at(AT_FDCWD, path, flags, mode);                   \
  }
OPEN(open)
OPEN(open64)

#define OPENAT(NAME)                                               \
  EXPORTED int NAME(int folder, const char *path, int flags, ...) { \
    va_list rest;                                                  \
    va_start(rest, flags);                                         \
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
    va_end(rest);                                                  \
    return open_at(folder, path, flags, mode);                     \
  }
OPENAT(openat)
OPENAT(openat64)

EXPORTED int mkstemp(char *path) {
  bool isTracked = tracks_path(path);
  FAIL_IF(isTracked, "create", path, -1, true, -1)
  return track(REAL(mkstemp)(path), isTracked);
}

EXPORTED DIR *opendir(const char *path) {
  FAIL_IF(tracks_path(path), "opendir", path, -1, false, NULL)
  return REAL(opendir)(path);
}

/// A file that could not be closed is closed all the same.
EXPORTED int close(int file) {
  int fault = tracks(file) ? count("close", NULL, file, false) : 0;
  if (fault == KILL) end();
  track(file, false);
  int result = (int)syscall(SYS_close, file);
  if (fault <= 0) return result;
  errno = fault;
  return -1;
}

// MARK: - Reading and writing

#define TRANSFER(NAME, SPACE, ARGUMENTS, CALL)                     \
  EXPORTED ssize_t NAME ARGUMENTS {                                \
    if (!tracks(file)) return CALL;                                \
    int fault = count(#NAME, NULL, file, SPACE);                   \
    if (fault > 0) { errno = fault; return -1; }                   \
    if (fault == SHORT && size > 1) size = 1;                      \
    if (fault == KILL) size /= 2;                                  \
    ssize_t result = CALL;                                         \
    if (fault == KILL) end();                                      \
    return result;                                                 \
  }
TRANSFER(write, true, (int file, const void *bytes, size_t size),
         syscall(SYS_write, file, bytes, size))
TRANSFER(read, false, (int file, void *bytes, size_t size), syscall(SYS_read, file, bytes, size))
TRANSFER(pwrite, true, (int file, const void *bytes, size_t size, off_t offset),
         syscall(SYS_pwrite64, file, bytes, size, offset))
TRANSFER(pread, false, (int file, void *bytes, size_t size, off_t offset),
         syscall(SYS_pread64, file, bytes, size, offset))

EXPORTED void *mmap(void *address, size_t size, int protection, int flags, int file, off_t offset) {
  FAIL_IF(!(flags & MAP_ANONYMOUS) && tracks(file), "mmap", NULL, file, false, MAP_FAILED)
  return (void *)syscall(SYS_mmap, address, size, protection, flags, file, offset);
}

#define FILE_CALL(NAME, SPACE, ARGUMENTS, ...)                     \
  EXPORTED int NAME ARGUMENTS {                                    \
    FAIL_IF(tracks(file), #NAME, NULL, file, SPACE, -1)            \
    return REAL(NAME)(__VA_ARGS__);                                \
  }
FILE_CALL(fsync, true, (int file), file)
FILE_CALL(fdatasync, true, (int file), file)
FILE_CALL(ftruncate, true, (int file, off_t size), file, size)
FILE_CALL(fallocate, true, (int file, int mode, off_t offset, off_t size), file, mode, offset, size)
FILE_CALL(sync_file_range, false, (int file, off_t offset, off_t size, unsigned flags), file, offset,
          size, flags)
FILE_CALL(flock, false, (int file, int operation), file, operation)
FILE_CALL(fchmod, false, (int file, mode_t mode), file, mode)

// MARK: - Names

#define PATH_CALL(NAME, SPACE, ARGUMENTS, ...)                     \
  EXPORTED int NAME ARGUMENTS {                                    \
    FAIL_IF(tracks_path(path), #NAME, path, -1, SPACE, -1)         \
    return REAL(NAME)(__VA_ARGS__);                                \
  }
PATH_CALL(rename, true, (const char *path, const char *new), path, new)
PATH_CALL(renameat, true, (int a, const char *path, int b, const char *new), a, path, b, new)
PATH_CALL(renameat2, true, (int a, const char *path, int b, const char *new, unsigned flags), a, path,
          b, new, flags)
PATH_CALL(link, true, (const char *path, const char *new), path, new)
PATH_CALL(linkat, true, (int a, const char *path, int b, const char *new, int flags), a, path, b, new,
          flags)
PATH_CALL(symlink, true, (const char *target, const char *path), target, path)
PATH_CALL(mkdir, true, (const char *path, mode_t mode), path, mode)
PATH_CALL(unlink, false, (const char *path), path)
PATH_CALL(unlinkat, false, (int folder, const char *path, int flags), folder, path, flags)
PATH_CALL(rmdir, false, (const char *path), path)

EXPORTED char *mkdtemp(char *path) {
  FAIL_IF(tracks_path(path), "mkdir", path, -1, true, NULL)
  return REAL(mkdtemp)(path);
}

// MARK: - Threads

EXPORTED int pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                            void *(*body)(void *), void *argument) {
  int fault = counter ? count("pthread_create", "-", -1, false) : 0;
  if (fault == KILL) end();
  return fault > 0 ? fault : REAL(pthread_create)(thread, attributes, body, argument);
}
