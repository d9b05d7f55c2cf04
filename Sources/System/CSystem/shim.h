#pragma once
#include <stdint.h>
#include <sys/types.h>
#include <sys/xattr.h>

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
