#pragma once
// curl.h's macros of the same names would stand in the way.
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>
#include <dlfcn.h>

// libcurl is loaded at run time: these are the functions of it that are called.
#define CCURL_FUNCTIONS(DO) \
  DO(curl_global_init) \
  DO(curl_easy_init) DO(curl_easy_cleanup) DO(curl_easy_setopt) DO(curl_easy_getinfo) \
  DO(curl_easy_strerror) DO(curl_easy_nextheader) \
  DO(curl_multi_init) DO(curl_multi_cleanup) DO(curl_multi_add_handle) \
  DO(curl_multi_remove_handle) DO(curl_multi_perform) DO(curl_multi_poll) \
  DO(curl_multi_info_read) DO(curl_multi_strerror) \
  DO(curl_slist_append) DO(curl_slist_free_all)

struct __attribute__((swift_attr("@Sendable"))) ccurl_functions {
#define CCURL_FIELD(name) __typeof__(&name) name;
  CCURL_FUNCTIONS(CCURL_FIELD)
#undef CCURL_FIELD
};

// Finds the functions in `library`, a handle of dlopen; returns the name of one that is missing, or
// NULL.
static inline const char *ccurl_find(struct ccurl_functions *functions, void *library) {
#define CCURL_FIND(name) \
  if (!(functions->name = (__typeof__(&name))dlsym(library, #name))) return #name;
  CCURL_FUNCTIONS(CCURL_FIND)
#undef CCURL_FIND
  return NULL;
}

// `curl_easy_setopt` and `curl_easy_getinfo` are variadic, which Swift does not import.

static inline CURLcode ccurl_set_long(
    struct ccurl_functions curl, CURL *handle, CURLoption option, long value) {
  return curl.curl_easy_setopt(handle, option, value);
}

static inline CURLcode ccurl_set_string(
    struct ccurl_functions curl, CURL *handle, CURLoption option, const char *value) {
  return curl.curl_easy_setopt(handle, option, value);
}

static inline CURLcode ccurl_set_pointer(
    struct ccurl_functions curl, CURL *handle, CURLoption option, void *value) {
  return curl.curl_easy_setopt(handle, option, value);
}

static inline CURLcode ccurl_set_headers(
    struct ccurl_functions curl, CURL *handle, struct curl_slist *headers) {
  return curl.curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
}

static inline CURLcode ccurl_set_write_function(
    struct ccurl_functions curl, CURL *handle, curl_write_callback function) {
  return curl.curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, function);
}

static inline CURLcode ccurl_get_long(
    struct ccurl_functions curl, CURL *handle, CURLINFO info, long *value) {
  return curl.curl_easy_getinfo(handle, info, value);
}

static inline CURLcode ccurl_get_offset(
    struct ccurl_functions curl, CURL *handle, CURLINFO info, curl_off_t *value) {
  return curl.curl_easy_getinfo(handle, info, value);
}

static inline CURLcode ccurl_get_string(
    struct ccurl_functions curl, CURL *handle, CURLINFO info, const char **value) {
  return curl.curl_easy_getinfo(handle, info, value);
}
