/* SPDX-License-Identifier: ISC */
/* How often the machine was saved: never, on most boards. */
#include "resumed.h"

unsigned fa_resumed_count;
