/* SPDX-License-Identifier: ISC */
/* What kind of build this library is: a link-time choice between build_debug.c and
 * build_release.c. A debug build checks more: run-time bounds, stack use. */
#ifndef FATA_CORE_BUILD_H
#define FATA_CORE_BUILD_H

#include <fata/base.h>

extern const bool fa_build_debug;

#endif
