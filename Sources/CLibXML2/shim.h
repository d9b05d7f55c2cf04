#pragma once
#include <libxml/HTMLparser.h>
#include <libxml/tree.h>

/// `xmlFree` is a variable that holds a function, which Swift 6 does not let be called.
static inline void clibxml2_free(void *pointer) { xmlFree(pointer); }
