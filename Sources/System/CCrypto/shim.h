#pragma once
#include <dlfcn.h>
#include <openssl/evp.h>

// libcrypto is loaded at run time: these are the functions of it that are called.
#define CCRYPTO_FUNCTIONS(DO) \
  DO(EVP_MD_CTX_new) DO(EVP_MD_CTX_free) DO(EVP_sha256) DO(EVP_sha1) DO(EVP_DigestInit_ex) \
  DO(EVP_DigestUpdate) DO(EVP_DigestFinal_ex)

struct __attribute__((swift_attr("@Sendable"))) ccrypto_functions {
#define CCRYPTO_FIELD(name) __typeof__(&name) name;
  CCRYPTO_FUNCTIONS(CCRYPTO_FIELD)
#undef CCRYPTO_FIELD
};

// Finds the functions in `library`, a handle of dlopen; returns the name of one that is missing, or
// NULL.
static inline const char *ccrypto_find(struct ccrypto_functions *functions, void *library) {
#define CCRYPTO_FIND(name) \
  if (!(functions->name = (__typeof__(&name))dlsym(library, #name))) return #name;
  CCRYPTO_FUNCTIONS(CCRYPTO_FIND)
#undef CCRYPTO_FIND
  return NULL;
}
