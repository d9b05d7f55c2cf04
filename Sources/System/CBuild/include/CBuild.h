#pragma once

/// The commit that the programs are built from, such as 64169dab3f25, with a + if sources differ from it;
/// empty if there is none, as in a build from a tarball or without make.
const char *cbuild_commit(void);
