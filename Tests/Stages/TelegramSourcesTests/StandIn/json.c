#define _GNU_SOURCE
#include "json.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// MARK: - Reading

typedef struct {
  const char *next;
  bool failed;
} reader;

static json *read_value(reader *in);

static void skip_space(reader *in) {
  while (*in->next == ' ' || *in->next == '\n' || *in->next == '\r' || *in->next == '\t') in->next++;
}

static void *fail(reader *in) {
  in->failed = true;
  return NULL;
}

static unsigned read_hex(reader *in) {
  unsigned value = 0;
  for (int i = 0; i < 4; i++) {
    if (!isxdigit((unsigned char)*in->next)) {
      fail(in);
      return 0;
    }
    char digit[2] = {*in->next++, 0};
    value = value << 4 | (unsigned)strtoul(digit, NULL, 16);
  }
  return value;
}

static void add_scalar(text *out, unsigned scalar) {
  if (scalar < 0x80) {
    text_add(out, "%c", (int)scalar);
  } else if (scalar < 0x800) {
    text_add(out, "%c%c", (int)(0xC0 | scalar >> 6), (int)(0x80 | (scalar & 0x3F)));
  } else if (scalar < 0x10000) {
    text_add(out, "%c%c%c", (int)(0xE0 | scalar >> 12), (int)(0x80 | (scalar >> 6 & 0x3F)),
             (int)(0x80 | (scalar & 0x3F)));
  } else {
    text_add(out, "%c%c%c%c", (int)(0xF0 | scalar >> 18), (int)(0x80 | (scalar >> 12 & 0x3F)),
             (int)(0x80 | (scalar >> 6 & 0x3F)), (int)(0x80 | (scalar & 0x3F)));
  }
}

static char *read_string(reader *in) {
  text out = {0};
  text_add(&out, "%s", "");
  in->next++;
  while (*in->next != '"') {
    if (*in->next == 0 || in->failed) {
      free(out.bytes);
      return fail(in);
    }
    if (*in->next != '\\') {
      text_add(&out, "%c", *in->next++);
      continue;
    }
    in->next++;
    switch (*in->next++) {
    case 'n': text_add(&out, "\n"); break;
    case 'r': text_add(&out, "\r"); break;
    case 't': text_add(&out, "\t"); break;
    case 'b': text_add(&out, "\b"); break;
    case 'f': text_add(&out, "\f"); break;
    case 'u': {
      unsigned scalar = read_hex(in);
      if (scalar >= 0xD800 && scalar < 0xDC00 && in->next[0] == '\\' && in->next[1] == 'u') {
        in->next += 2;
        scalar = 0x10000 + ((scalar - 0xD800) << 10) + (read_hex(in) - 0xDC00);
      }
      add_scalar(&out, scalar);
      break;
    }
    default: text_add(&out, "%c", in->next[-1]);
    }
  }
  in->next++;
  return out.bytes;
}

static json *read_members(reader *in, json *value, char close) {
  json **last = &value->first;
  in->next++;
  skip_space(in);
  if (*in->next == close) {
    in->next++;
    return value;
  }
  while (true) {
    char *key = NULL;
    skip_space(in);
    if (close == '}') {
      if (*in->next != '"') return fail(in);
      key = read_string(in);
      skip_space(in);
      if (*in->next++ != ':') return fail(in);
    }
    json *member = read_value(in);
    if (member == NULL) return NULL;
    member->key = key;
    *last = member;
    last = &member->next;
    skip_space(in);
    char mark = *in->next++;
    if (mark == close) return value;
    if (mark != ',') return fail(in);
  }
}

static json *read_value(reader *in) {
  skip_space(in);
  json *value = calloc(1, sizeof *value);
  if (*in->next == '{') {
    value->kind = jsonObject;
    return read_members(in, value, '}');
  }
  if (*in->next == '[') {
    value->kind = jsonArray;
    return read_members(in, value, ']');
  }
  if (*in->next == '"') {
    value->kind = jsonString;
    value->text = read_string(in);
    return in->failed ? NULL : value;
  }
  size_t length = strcspn(in->next, ",]} \n\r\t");
  value->text = strndup(in->next, length);
  in->next += length;
  if (strcmp(value->text, "null") == 0) {
    value->kind = jsonNull;
  } else if (strcmp(value->text, "true") == 0 || strcmp(value->text, "false") == 0) {
    value->kind = jsonBoolean;
    value->truth = value->text[0] == 't';
  } else {
    char *end;
    strtod(value->text, &end);
    if (length == 0 || *end != 0) return fail(in);
    value->kind = jsonNumber;
  }
  return value;
}

json *json_parse(const char *bytes) {
  reader in = {bytes, false};
  json *value = read_value(&in);
  skip_space(&in);
  return in.failed || *in.next != 0 ? NULL : value;
}

void json_free(json *value) {
  while (value != NULL) {
    json *next = value->next;
    json_free(value->first);
    free(value->key);
    free(value->text);
    free(value);
    value = next;
  }
}

// MARK: - Looking

const json *json_member(const json *object, const char *key) {
  if (object == NULL || object->kind != jsonObject) return NULL;
  for (const json *member = object->first; member != NULL; member = member->next) {
    if (strcmp(member->key, key) == 0) return member->kind == jsonNull ? NULL : member;
  }
  return NULL;
}

const char *json_text(const json *object, const char *key) {
  const json *member = json_member(object, key);
  return member != NULL && member->kind == jsonString ? member->text : "";
}

long long json_integer(const json *object, const char *key) {
  const json *member = json_member(object, key);
  return member != NULL && member->text != NULL ? strtoll(member->text, NULL, 10) : 0;
}

bool json_truth(const json *object, const char *key) {
  const json *member = json_member(object, key);
  return member != NULL && member->truth;
}

// MARK: - Writing

static void write_value(text *out, const json *value) {
  switch (value->kind) {
  case jsonNull: text_add(out, "null"); break;
  case jsonBoolean:
  case jsonNumber: text_add(out, "%s", value->text); break;
  case jsonString: text_quote(out, value->text); break;
  case jsonArray:
  case jsonObject:
    text_add(out, "%c", value->kind == jsonArray ? '[' : '{');
    for (const json *member = value->first; member != NULL; member = member->next) {
      if (member != value->first) text_add(out, ",");
      if (member->key != NULL) {
        text_quote(out, member->key);
        text_add(out, ":");
      }
      write_value(out, member);
    }
    text_add(out, "%c", value->kind == jsonArray ? ']' : '}');
  }
}

char *json_write(const json *value) {
  text out = {0};
  write_value(&out, value);
  return out.bytes;
}

void text_add(text *out, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  char *added;
  int length = vasprintf(&added, format, arguments);
  va_end(arguments);
  if (length < 0) abort();
  out->bytes = realloc(out->bytes, out->length + (size_t)length + 1);
  memcpy(out->bytes + out->length, added, (size_t)length + 1);
  out->length += (size_t)length;
  free(added);
}

void text_quote(text *out, const char *string) {
  text_add(out, "\"");
  for (const unsigned char *next = (const unsigned char *)string; *next != 0;) {
    if (*next < 0x80) {
      if (*next == '"' || *next == '\\') {
        text_add(out, "\\%c", *next);
      } else if (*next < 0x20) {
        text_add(out, "\\u%04x", *next);
      } else {
        text_add(out, "%c", *next);
      }
      next++;
      continue;
    }
    int more = *next >= 0xF0 ? 3 : *next >= 0xE0 ? 2 : 1;
    unsigned scalar = *next++ & (0x3Fu >> more);
    while (more-- > 0 && *next != 0) scalar = scalar << 6 | (*next++ & 0x3F);
    if (scalar >= 0x10000) {
      text_add(out, "\\u%04x\\u%04x", 0xD800 + ((scalar - 0x10000) >> 10),
               0xDC00 + ((scalar - 0x10000) & 0x3FF));
    } else {
      text_add(out, "\\u%04x", scalar);
    }
  }
  text_add(out, "\"");
}
