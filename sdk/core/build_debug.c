/* SPDX-License-Identifier: ISC */
/* Linked into debug builds. */
#include "build.h"

const bool fa_build_debug = true;
