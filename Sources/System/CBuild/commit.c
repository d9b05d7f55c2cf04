#include "CBuild.h"

// make writes this file before it builds. It is C so that after a new commit, one small file is
// compiled, and the programs are linked, and nothing else.
#if __has_include("../../../.build/commit.h")
#include "../../../.build/commit.h"
#else
#define BUILD_COMMIT ""
#endif

const char *cbuild_commit(void) { return BUILD_COMMIT; }
