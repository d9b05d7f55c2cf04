// Prints the bytes a second at which threads read memory that no cache holds, the best of some
// runs.
// usage: read_bandwidth THREADS MEGABYTES RUNS
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

typedef uint64_t Words __attribute__((vector_size(64)));

struct Part {
  const Words *words;
  size_t count;
  uint64_t sum;
  pthread_barrier_t *barrier;
  int runs;
  double *starts, *ends;
};

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void *read_part(void *argument) {
  struct Part *part = argument;
  for (int run = 0; run < part->runs; run++) {
    pthread_barrier_wait(part->barrier);
    part->starts[run] = now();
    Words a = {0}, b = {0}, c = {0}, d = {0};
    for (size_t index = 0; index + 4 <= part->count; index += 4) {
      a += part->words[index];
      b += part->words[index + 1];
      c += part->words[index + 2];
      d += part->words[index + 3];
    }
    a += b + c + d;
    for (int lane = 0; lane < 8; lane++) part->sum += a[lane];
    part->ends[run] = now();
  }
  return NULL;
}

int main(int count, char **arguments) {
  if (count != 4) return 64;
  int threads = atoi(arguments[1]), runs = atoi(arguments[3]);
  size_t bytes = (size_t)atoi(arguments[2]) << 20;
  if (threads < 1 || runs < 1 || bytes == 0) return 64;
  char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  struct Part *parts = calloc((size_t)threads, sizeof(struct Part));
  pthread_t *ids = calloc((size_t)threads, sizeof(pthread_t));
  if (memory == MAP_FAILED || !parts || !ids) return 71;
  madvise(memory, bytes, MADV_HUGEPAGE);
  memset(memory, 1, bytes);
  pthread_barrier_t barrier;
  pthread_barrier_init(&barrier, NULL, (unsigned)threads);
  size_t share = bytes / sizeof(Words) / (size_t)threads;
  for (int index = 0; index < threads; index++) {
    double *times = calloc((size_t)runs * 2, sizeof(double));
    if (!times) return 71;
    parts[index] = (struct Part){
        (const Words *)memory + share * (size_t)index, share, 0, &barrier, runs,
        times, times + runs};
    if (pthread_create(&ids[index], NULL, read_part, &parts[index])) return 71;
  }
  uint64_t sum = 0;
  for (int index = 0; index < threads; index++) {
    pthread_join(ids[index], NULL);
    sum += parts[index].sum;
  }
  double best = 0;
  for (int run = 0; run < runs; run++) {
    double start = parts[0].starts[run], end = parts[0].ends[run];
    for (int index = 1; index < threads; index++) {
      if (parts[index].starts[run] < start) start = parts[index].starts[run];
      if (parts[index].ends[run] > end) end = parts[index].ends[run];
    }
    double rate = (double)(share * (size_t)threads * sizeof(Words)) / (end - start);
    if (rate > best) best = rate;
  }
  // Without a use of the sum the compiler would leave the reading out.
  fprintf(stderr, "sum %llu\n", (unsigned long long)sum);
  printf("%.0f\n", best);
  return 0;
}
