#pragma once
// Declares the functions for UTF-8, whose names end in `_8`.
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
