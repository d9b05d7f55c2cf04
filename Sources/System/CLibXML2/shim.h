#pragma once
#include <libxml/xmlversion.h>

// The headers of libxml2 would include those of ICU, of which Foundation has another version: Swift
// refuses to import both. What they declare with it is not used.
#undef LIBXML_ICU_ENABLED

#include <libxml/HTMLparser.h>
#include <libxml/tree.h>

/// `xmlFree` is a variable that holds a function, which Swift 6 does not allow to be called.
static inline void clibxml2_free(void *pointer) { xmlFree(pointer); }
