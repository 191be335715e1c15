/* SPDX-License-Identifier: ISC */
/* Linked into release builds. */
#include "build.h"

const bool fa_build_debug = false;
