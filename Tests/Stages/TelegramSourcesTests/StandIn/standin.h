// A stand-in for TDLib's JSON interface: plays a login and a channel without a network.
//
// Beside the library stands a file `scenario` that says what to play (scenario.c); the requests are
// appended to a file `requests` there, one a line.
#pragma once

#include "json.h"

// MARK: - standin.c

// The part of a conversation that the client sees next.
extern int client;
extern char folder[4096];

// Queues an update or an answer, which the client receives `delay` seconds from now.
void emit(double delay, const char *format, ...) __attribute__((format(printf, 2, 3)));
void emit_text(double delay, const char *object);
// Answers `request` with `object`, an object of JSON without its last brace.
void answer(const json *request, double delay, const char *object);
void answer_ok(const json *request);
void answer_error(const json *request, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// MARK: - scenario.c

// What a fault of a request is, and its argument.
typedef struct {
  char kind[16];
  char argument[256];
} fault;

void scenario_load(void);
// The value of `key`, or `otherwise`.
const char *scenario_value(const char *key, const char *otherwise);
double scenario_number(const char *key, double otherwise);
// The value of `key` for the number `id`, or NULL.
const char *scenario_item(const char *key, long long id);
// The fault that the next call of `method` is to meet; counts the call.
bool scenario_fault(const char *method, fault *found);

// MARK: - login.c

// Whether the request was one of the login, which is then answered.
bool login_handle(const char *method, const json *request);
bool login_has_parameters(void);
bool login_is_ready(void);
void login_wake(void);
void login_end(bool forgets, const char *first_state);
bool is_online(void);

// MARK: - history.c

bool history_handle(const char *method, const json *request);
