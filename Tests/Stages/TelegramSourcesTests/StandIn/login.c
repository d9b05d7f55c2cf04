#define _GNU_SOURCE
#include "standin.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

// The state of the login, the end of its name after `authorizationState`; what is to come after it.
static char state[64];
static char steps[256];
static char database[4096];
static int lock_file = -1;
static bool is_key_wrong;

bool login_has_parameters(void) { return *database != 0; }
bool login_is_ready(void) { return strcmp(state, "Ready") == 0; }
bool is_online(void) { return scenario_number("offline", 0) == 0; }

static void enter(const char *name) {
  snprintf(state, sizeof state, "%s", name);
  text details = {0};
  text_add(&details, "%s", "");
  if (strcmp(name, "WaitCode") == 0) {
    text_add(&details, ",\"code_info\":{\"@type\":\"authenticationCodeInfo\",\"phone_number\":"
             "\"79991234567\",\"type\":%s,\"timeout\":60}",
             scenario_value("code-type",
                            "{\"@type\":\"authenticationCodeTypeTelegramMessage\",\"length\":5}"));
  } else if (strcmp(name, "WaitPassword") == 0) {
    text_add(&details, ",\"password_hint\":");
    text_quote(&details, scenario_value("password-hint", ""));
  } else if (strcmp(name, "WaitEmailCode") == 0) {
    text_add(&details, ",\"code_info\":{\"@type\":\"emailAddressAuthenticationCodeInfo\","
             "\"email_address_pattern\":\"k*t@e*.org\",\"length\":6}");
  } else if (strcmp(name, "WaitOtherDeviceConfirmation") == 0) {
    text_add(&details, ",\"link\":\"tg://login?token=abc\"");
  }
  emit(0, "{\"@type\":\"updateAuthorizationState\",\"authorization_state\":{\"@type\":"
       "\"authorizationState%s\"%s}}", name, details.bytes);
  free(details.bytes);
}

// Enters the next of the steps; behind the last one the login is there and kept.
static void go_on(void) {
  char *step = steps + strspn(steps, " ");
  size_t length = strcspn(step, " ");
  if (length > 0) {
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)length, step);
    memmove(steps, step + length, strlen(step + length) + 1);
    return enter(name);
  }
  lseek(lock_file, 0, SEEK_SET);
  if (write(lock_file, "login\n", 6) != 6) abort();
  enter("Ready");
}

void login_wake(void) {
  *database = 0;
  is_key_wrong = false;
  snprintf(steps, sizeof steps, "%s", scenario_value("steps", "WaitCode WaitPassword"));
  emit(0, "{\"@type\":\"updateOption\",\"name\":\"version\",\"value\":{\"@type\":"
       "\"optionValueString\",\"value\":\"1.8.69\"}}");
  enter("WaitTdlibParameters");
}

void login_end(bool forgets, const char *first_state) {
  enter(first_state);
  if (strcmp(first_state, "Closing") != 0) enter("Closing");
  if (lock_file >= 0) {
    if (forgets && ftruncate(lock_file, 0) != 0) abort();
    close(lock_file);
    lock_file = -1;
  }
  enter("Closed");
}

static void connect_up(void) {
  const char *update =
      "{\"@type\":\"updateConnectionState\",\"state\":{\"@type\":\"connectionState%s\"}}";
  emit(0, update, "Connecting");
  if (!is_online()) return;
  double delay = scenario_number("connecting", 0);
  emit(delay, update, "Updating");
  emit(delay, update, "Ready");
}

static void set_parameters(const json *request) {
  const char *place = json_text(request, "database_directory");
  if (strcmp(state, "WaitTdlibParameters") != 0)
    return answer_error(request, 400, "Unexpected setTdlibParameters");
  if (json_integer(request, "api_id") <= 0)
    return answer_error(request, 400, "Valid api_id must be provided. Can be obtained at "
                        "https://my.telegram.org");
  if (*json_text(request, "api_hash") == 0)
    return answer_error(request, 400, "Valid api_hash must be provided. Can be obtained at "
                        "https://my.telegram.org");
  const char *required[] = {"system_language_code", "device_model", "application_version"};
  for (int i = 0; i < 3; i++) {
    if (*json_text(request, required[i]) == 0)
      return answer_error(request, 400, "%s must be non-empty", required[i]);
  }
  is_key_wrong = json_integer(request, "api_id") != (long long)scenario_number("api-id", 12345);
  char path[4200];
  // The real one makes what others of the group may read, unless the mask forbids it.
  mkdir(place, 0750);
  snprintf(path, sizeof path, "%s/db.sqlite", place);
  close(open(path, O_RDWR | O_CREAT, 0644));
  snprintf(path, sizeof path, "%s/td.binlog", place);
  lock_file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock_file < 0)
    return answer_error(request, 400, "Can't init database in the directory \"%s\"", place);
  if (flock(lock_file, LOCK_EX | LOCK_NB) != 0) {
    close(lock_file);
    lock_file = -1;
    text out = {0};
    text_add(&out, "{\"@type\":\"error\",\"code\":400,\"message\":\"Can't lock file \\\"%s\\\", "
             "because it is already in use; check for another program instance running\"}", path);
    // The real one tries for as long before it says so.
    answer(request, scenario_number("lock-seconds", 10), out.bytes);
    return free(out.bytes);
  }
  snprintf(database, sizeof database, "%s", place);
  for (int i = 0; i < 20; i++)
    emit(0, "{\"@type\":\"updateOption\",\"name\":\"option_%d\",\"value\":{\"@type\":"
         "\"optionValueInteger\",\"value\":\"%d\"}}", i, i);
  struct stat status;
  bool is_kept = fstat(lock_file, &status) == 0 && status.st_size > 0;
  enter(is_kept ? "Ready" : "WaitPhoneNumber");
  answer_ok(request);
  connect_up();
}

// Whether the request belongs to the state; answers it otherwise.
static bool is_expected(const char *method, const json *request, const char *expected) {
  if (strcmp(state, expected) == 0) return true;
  answer_error(request, 400, "Call to %s unexpected", method);
  return false;
}

// A step of the login: `given` must be what the scenario says.
static void check(const char *method, const json *request, const char *expected_state,
                  const char *given, const char *right, const char *error) {
  if (!is_expected(method, request, expected_state) || !is_online()) return;
  if (strcmp(given, right) != 0) return answer_error(request, 400, "%s", error);
  go_on();
  answer_ok(request);
}

bool login_handle(const char *method, const json *request) {
  if (strcmp(state, "Closed") == 0) {
    answer_error(request, 500, "Request aborted");
  } else if (strcmp(method, "getOption") == 0) {
    answer(request, 0, "{\"@type\":\"optionValueString\",\"value\":\"1.8.69\"}");
  } else if (strcmp(method, "setLogVerbosityLevel") == 0) {
    answer_ok(request);
  } else if (strcmp(method, "setTdlibParameters") == 0) {
    set_parameters(request);
  } else if (strcmp(method, "close") == 0) {
    answer_ok(request);
    login_end(false, "Closing");
  } else if (!login_has_parameters()) {
    answer_error(request, 400,
                 "Initialization parameters are needed: call setTdlibParameters first");
  } else if (strcmp(method, "logOut") == 0) {
    // Needs the server once there is a login.
    if (login_is_ready() && !is_online()) return true;
    answer_ok(request);
    login_end(true, "LoggingOut");
  } else if (strcmp(method, "setAuthenticationPhoneNumber") == 0) {
    if (strncmp(state, "Wait", 4) != 0) {
      answer_error(request, 400, "Call to %s unexpected", method);
    } else if (!is_online()) {
      return true;
    } else if (*json_text(request, "phone_number") == 0) {
      answer_error(request, 400, "Phone number must be non-empty");
    } else if (is_key_wrong) {
      answer_error(request, 400, "API_ID_INVALID");
    } else if (strcmp(state, "WaitCode") == 0) {
      enter("WaitCode");
      answer_ok(request);
    } else {
      check(method, request, "WaitPhoneNumber", json_text(request, "phone_number"),
            scenario_value("phone", "+79991234567"), "PHONE_NUMBER_INVALID");
    }
  } else if (strcmp(method, "checkAuthenticationCode") == 0) {
    check(method, request, "WaitCode", json_text(request, "code"), scenario_value("code", "12345"),
          "PHONE_CODE_INVALID");
  } else if (strcmp(method, "checkAuthenticationPassword") == 0) {
    check(method, request, "WaitPassword", json_text(request, "password"),
          scenario_value("password", "пароль"), "PASSWORD_HASH_INVALID");
  } else if (strcmp(method, "setAuthenticationEmailAddress") == 0) {
    check(method, request, "WaitEmailAddress", json_text(request, "email_address"),
          scenario_value("email", "kot@example.org"), "EMAIL_INVALID");
  } else if (strcmp(method, "checkAuthenticationEmailCode") == 0) {
    check(method, request, "WaitEmailCode", json_text(json_member(request, "code"), "code"),
          scenario_value("email-code", "654321"), "EMAIL_VERIFY_CODE_INVALID");
  } else if (!login_is_ready()) {
    answer_error(request, 401, "Unauthorized");
  } else {
    // Without a network the others are not answered either.
    return !is_online();
  }
  return true;
}
