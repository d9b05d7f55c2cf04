// JSON in and out, as much of it as the stand-in for TDLib needs.
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

typedef enum { jsonNull, jsonBoolean, jsonNumber, jsonString, jsonArray, jsonObject } json_kind;

// A value; those inside an array or object follow one another.
typedef struct json {
  json_kind kind;
  char *key;   // in an object
  char *text;  // of a string, without escapes; of a number, as it is written
  bool truth;
  struct json *first;
  struct json *next;
} json;

// The value that is `text`, or NULL if it is none.
json *json_parse(const char *text);
void json_free(json *value);

// The member `key`, or NULL; one that is null is none.
const json *json_member(const json *object, const char *key);
// The string under `key`, or "".
const char *json_text(const json *object, const char *key);
// The number under `key`, written as a number or a string, or 0.
long long json_integer(const json *object, const char *key);
bool json_truth(const json *object, const char *key);
// Writes `value` as it is.
char *json_write(const json *value);

// A text that grows.
typedef struct {
  char *bytes;
  size_t length;
} text;

void text_add(text *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
// Appends a string in quotes; as TDLib does, with \u escapes for all but ASCII.
void text_quote(text *out, const char *string);
