/* SPDX-License-Identifier: ISC */
/* The part of logging that applications do not need: setting levels. */
#ifndef FATA_CORE_LOG_H
#define FATA_CORE_LOG_H

/* Sets levels from a text such as "warn,net=debug", left to right. Returns NULL, or what is wrong
 * (what stood left of that has been set). */
const char *fa_log_set_levels(const char *text);

#endif
