#define _GNU_SOURCE
#include "standin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A scenario has lines of a key and the rest, such as
//
//   posts 1000
//   fault getChatHistory 3 flood 1
//   content 17 {"@type":"messageDice","emoji":"🎲"}
//
// A fault names a method, which of its calls meets it (0: every one), its kind (standin.c) and what
// it needs.
typedef struct {
  char *key;
  char *rest;
} line;

static line lines[256];
static int line_count;

typedef struct {
  char name[64];
  int count;
} counter;

static counter counters[64];

void scenario_load(void) {
  for (int i = 0; i < line_count; i++) free(lines[i].key);
  line_count = 0;
  memset(counters, 0, sizeof counters);
  char path[4200];
  snprintf(path, sizeof path, "%s/scenario", folder);
  FILE *file = fopen(path, "r");
  if (file == NULL) return;
  char *read = NULL;
  size_t size = 0;
  while (line_count < 256 && getline(&read, &size, file) > 0) {
    read[strcspn(read, "\n")] = 0;
    if (*read == 0 || *read == '#') continue;
    char *key = strdup(read);
    char *space = strchr(key, ' ');
    if (space != NULL) *space = 0;
    lines[line_count++] = (line){key, space == NULL ? key + strlen(key) : space + 1};
  }
  free(read);
  fclose(file);
}

const char *scenario_value(const char *key, const char *otherwise) {
  for (int i = 0; i < line_count; i++) {
    if (strcmp(lines[i].key, key) == 0) return lines[i].rest;
  }
  return otherwise;
}

double scenario_number(const char *key, double otherwise) {
  const char *value = scenario_value(key, NULL);
  return value == NULL ? otherwise : strtod(value, NULL);
}

const char *scenario_item(const char *key, long long id) {
  for (int i = 0; i < line_count; i++) {
    if (strcmp(lines[i].key, key) != 0) continue;
    char *end;
    if (strtoll(lines[i].rest, &end, 10) == id && *end == ' ') return end + 1;
  }
  return NULL;
}

static int count_call(const char *method) {
  for (int i = 0; i < 64; i++) {
    if (counters[i].count > 0 && strcmp(counters[i].name, method) != 0) continue;
    snprintf(counters[i].name, sizeof counters[i].name, "%s", method);
    return ++counters[i].count;
  }
  return 0;
}

bool scenario_fault(const char *method, fault *found) {
  int number = count_call(method);
  for (int i = 0; i < line_count; i++) {
    char name[64];
    int which;
    *found = (fault){0};
    if (strcmp(lines[i].key, "fault") != 0) continue;
    if (sscanf(lines[i].rest, "%63s %d %15s %255[^\n]", name, &which, found->kind,
               found->argument) < 3)
      continue;
    if (strcmp(name, method) == 0 && (which == 0 || which == number)) return true;
  }
  return false;
}
