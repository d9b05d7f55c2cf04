#define _GNU_SOURCE
#include "standin.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int client;
char folder[4096];

// MARK: - The queue

typedef struct event {
  double due;
  char *object;
  struct event *next;
} event;

static event *queue;
static char *returned;
static atomic_bool is_receiving;
static char *last_answer;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

void emit_text(double delay, const char *object) {
  event *added = calloc(1, sizeof *added);
  added->due = now() + delay;
  added->object = strdup(object);
  event **place = &queue;
  while (*place != NULL && (*place)->due <= added->due) place = &(*place)->next;
  added->next = *place;
  *place = added;
}

void emit(double delay, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  char *object;
  if (vasprintf(&object, format, arguments) < 0) abort();
  va_end(arguments);
  text out = {0};
  text_add(&out, "%.*s,\"@client_id\":%d}", (int)strlen(object) - 1, object, client);
  emit_text(delay, out.bytes);
  free(out.bytes);
  free(object);
}

// MARK: - Answers

void answer(const json *request, double delay, const char *object) {
  text out = {0};
  text_add(&out, "%.*s", (int)strlen(object) - 1, object);
  const json *extra = json_member(request, "@extra");
  if (extra != NULL) {
    char *written = json_write(extra);
    text_add(&out, ",\"@extra\":%s", written);
    free(written);
  }
  text_add(&out, ",\"@client_id\":%d}", client);
  emit_text(delay, out.bytes);
  free(last_answer);
  last_answer = out.bytes;
}

void answer_ok(const json *request) { answer(request, 0, "{\"@type\":\"ok\"}"); }

void answer_error(const json *request, int code, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  char *message;
  if (vasprintf(&message, format, arguments) < 0) abort();
  va_end(arguments);
  text out = {0};
  text_add(&out, "{\"@type\":\"error\",\"code\":%d,\"message\":", code);
  text_quote(&out, message);
  text_add(&out, "}");
  answer(request, 0, out.bytes);
  free(out.bytes);
  free(message);
}

// MARK: - What the real one checks

typedef struct {
  const char *method;
  // Of a letter and a name: s(tring), i(nteger of 53 bits), n(umber of 32 bits), b(oolean),
  // o(bject), this with the classes that it may have.
  const char *fields;
} signature;

static const signature signatures[] = {
    {"getOption", "sname"},
    {"setLogVerbosityLevel", "nnew_verbosity_level"},
    {"setTdlibParameters",
     "buse_test_dc sdatabase_directory sfiles_directory sdatabase_encryption_key "
     "buse_file_database buse_chat_info_database buse_message_database buse_secret_chats napi_id "
     "sapi_hash ssystem_language_code sdevice_model ssystem_version sapplication_version"},
    {"close", ""},
    {"logOut", ""},
    {"setAuthenticationPhoneNumber", "sphone_number"},
    {"checkAuthenticationCode", "scode"},
    {"checkAuthenticationPassword", "spassword"},
    {"setAuthenticationEmailAddress", "semail_address"},
    {"checkAuthenticationEmailCode", "ocode=emailAddressAuthenticationCode"},
    {"searchPublicChat", "susername"},
    {"createSupergroupChat", "isupergroup_id bforce"},
    {"getSupergroup", "isupergroup_id"},
    {"loadChats", "ochat_list=chatListMain,chatListArchive nlimit"},
    {"getChat", "ichat_id"},
    {"getChatHistory", "ichat_id ifrom_message_id noffset nlimit bonly_local"},
    {"getFullRichMessage", "ichat_id imessage_id"},
};

static const char *kind_names[] = {"Null", "Boolean", "Number", "String", "Array", "Object"};

// What is wrong with the class of an object that may have `classes`, or NULL.
static const char *class_problem(const char *classes, const json *value) {
  static char problem[256];
  const char *class = json_text(value, "@type");
  if (*class == 0) return "Can't find field \"@type\"";
  char known[256];
  snprintf(known, sizeof known, "%s", classes);
  char *rest;
  for (char *one = strtok_r(known, ",", &rest); one != NULL; one = strtok_r(NULL, ",", &rest)) {
    if (strcmp(one, class) == 0) return NULL;
  }
  snprintf(problem, sizeof problem, "Unknown class \"%s\"", class);
  return problem;
}

// What is wrong with the value of a field, or NULL.
static const char *field_problem(char letter, const char *classes, const json *value) {
  static char problem[256];
  const char *found = kind_names[value->kind];
  const char *expected = letter == 's'   ? "String"
                         : letter == 'b' ? "Boolean"
                         : letter == 'o' ? "Object"
                         : letter == 'n' ? "Number"
                                         : "String or Number";
  bool is_number = letter == 'i' || letter == 'n';
  if (is_number && (value->kind == jsonNumber || value->kind == jsonString)) {
    char *end;
    strtoll(value->text, &end, 10);
    if (*end == 0 && end > value->text) return NULL;
    snprintf(problem, sizeof problem, "Can't parse as an integer string \"%s\"", value->text);
    return problem;
  }
  if (letter == 'b' && value->kind == jsonNumber) return NULL;
  if (letter == 'o' && value->kind == jsonObject) return class_problem(classes, value);
  if (strcmp(expected, found) == 0) return NULL;
  snprintf(problem, sizeof problem, "Expected %s, but receive %s", expected, found);
  return problem;
}

static bool is_well_formed(const char *method, const json *request) {
  const char *prefix = "Failed to parse JSON object as TDLib request:";
  if (*method == 0) {
    answer_error(request, 400, "%s Can't find field \"@type\"", prefix);
    return false;
  }
  for (size_t i = 0; i < sizeof signatures / sizeof *signatures; i++) {
    if (strcmp(signatures[i].method, method) != 0) continue;
    char fields[512];
    snprintf(fields, sizeof fields, "%s", signatures[i].fields);
    char *rest;
    for (char *field = strtok_r(fields, " ", &rest); field != NULL;
         field = strtok_r(NULL, " ", &rest)) {
      char *classes = strchr(field, '=');
      if (classes != NULL) *classes++ = 0;
      const json *value = json_member(request, field + 1);
      const char *problem = value == NULL ? NULL : field_problem(*field, classes, value);
      if (problem == NULL) continue;
      answer_error(request, 400, "%s %s", prefix, problem);
      return false;
    }
    return true;
  }
  answer_error(request, 400, "%s Unknown class \"%s\"", prefix, method);
  return false;
}

// MARK: - Faults

static void reconnect(double delay) {
  emit(0, "{\"@type\":\"updateConnectionState\",\"state\":{\"@type\":\"connectionStateConnecting\"}}");
  emit(delay, "{\"@type\":\"updateConnectionState\",\"state\":{\"@type\":\"connectionStateUpdating\"}}");
}

// Plays the fault; whether the request is answered by it. One that is only late is sent again to
// itself later.
static bool play(const fault *played, const json *request, double *delay) {
  const char *argument = played->argument;
  if (strcmp(played->kind, "flood") == 0) {
    answer_error(request, 429, "Too Many Requests: retry after %s", argument);
  } else if (strcmp(played->kind, "error") == 0) {
    const char *message = strchr(argument, ' ');
    answer_error(request, atoi(argument), "%s", message == NULL ? "" : message + 1);
  } else if (strcmp(played->kind, "silent") == 0) {
    return true;
  } else if (strcmp(played->kind, "garbage") == 0) {
    emit_text(0, "{\"@type\":\"ok\",");
  } else if (strcmp(played->kind, "empty") == 0) {
    answer(request, 0, "{\"@type\":\"messages\",\"total_count\":0,\"messages\":[]}");
  } else if (strcmp(played->kind, "ok") == 0) {
    answer_ok(request);
  } else if (strcmp(played->kind, "expel") == 0) {
    login_end(true, "LoggingOut");
  } else {
    if (strcmp(played->kind, "disconnect") == 0) reconnect(*delay = strtod(argument, NULL));
    if (strcmp(played->kind, "late") == 0) *delay = strtod(argument, NULL);
    if (strcmp(played->kind, "stale") == 0 && last_answer != NULL) emit_text(0, last_answer);
    return false;
  }
  return true;
}

// MARK: - The interface

static void log_request(const char *text) {
  char path[4200];
  snprintf(path, sizeof path, "%s/requests", folder);
  FILE *file = fopen(path, "a");
  if (file == NULL) return;
  fprintf(file, "%s\n", text);
  fclose(file);
}

static void locate(void) {
  Dl_info info;
  if (dladdr((void *)locate, &info) == 0 || info.dli_fname == NULL) return;
  snprintf(folder, sizeof folder, "%s", info.dli_fname);
  char *slash = strrchr(folder, '/');
  if (slash != NULL) *slash = 0;
}

#define EXPORTED __attribute__((visibility("default")))

EXPORTED int td_create_client_id(void) {
  locate();
  return client + 1;
}

EXPORTED void td_send(int id, const char *bytes) {
  json *request = json_parse(bytes);
  if (id > client) {
    // A client wakes up with its first request.
    client = id;
    scenario_load();
    login_wake();
  }
  log_request(bytes);
  if (request == NULL || request->kind != jsonObject) {
    answer_error(request, 400, "Failed to parse request as JSON object");
    return;
  }
  const char *method = json_text(request, "@type");
  if (!is_well_formed(method, request)) return json_free(request);
  fault played;
  double delay = 0;
  bool is_played = scenario_fault(method, &played) && play(&played, request, &delay);
  if (!is_played && delay > 0) {
    // Nothing else is asked meanwhile, so the answer can be made now and held back.
    event *before = queue;
    queue = NULL;
    if (!login_handle(method, request)) history_handle(method, request);
    event *made = queue;
    queue = before;
    for (event *each = made; each != NULL;) {
      emit_text(delay, each->object);
      event *next = each->next;
      free(each->object);
      free(each);
      each = next;
    }
  } else if (!is_played && !login_handle(method, request)) {
    history_handle(method, request);
  }
  json_free(request);
}

// A string that was returned is good until the next call only: spoils it.
static const char *lend(char *object) {
  if (returned != NULL) {
    memset(returned, '?', strlen(returned));
    free(returned);
  }
  return returned = object;
}

EXPORTED const char *td_receive(double timeout) {
  if (atomic_exchange(&is_receiving, true)) {
    fprintf(stderr, "Receive must not be called simultaneously from two different threads\n");
    abort();
  }
  lend(NULL);
  if (timeout > 0.1) log_request("{\"@type\":\"longReceive\"}");
  double end = now() + timeout;
  const char *result = NULL;
  while (result == NULL) {
    if (queue != NULL && queue->due <= now()) {
      event *first = queue;
      queue = first->next;
      result = lend(first->object);
      free(first);
    } else if (now() >= end) {
      break;
    } else {
      usleep(500);
    }
  }
  atomic_store(&is_receiving, false);
  return result;
}

EXPORTED const char *td_execute(const char *bytes) {
  json *request = json_parse(bytes);
  bool is_known = strcmp(json_text(request, "@type"), "setLogVerbosityLevel") == 0;
  json_free(request);
  return lend(strdup(is_known ? "{\"@type\":\"ok\"}"
                              : "{\"@type\":\"error\",\"code\":400,\"message\":\"The method can't "
                                "be executed synchronously\"}"));
}
