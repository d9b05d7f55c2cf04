// For processors from Haswell (2013) and Zen (2017) on, and for all that are not x86.
#define VARIANT haswell
#define TARGET "arch=haswell"
#include "variant.h"
