/* SPDX-License-Identifier: ISC */
/* The project in the current folder: a Makefile that includes the SDK's project.mk. Everything is asked of its make. */
#ifndef FATA_CLI_PROJECT_H
#define FATA_CLI_PROJECT_H

#include "text.h"

#include <stdbool.h>

/* Ends the program, with what to do, when the current folder is no project. */
void project_require(void);

/*
 * Runs make in the project: `targets` holds targets and make's own arguments, BSP is set when `bsp` is not NULL.
 * Outside of another make it uses every processor. `quiet` holds its output back unless it fails. True when make
 * succeeded.
 */
bool project_make(const char *bsp, bool debug, bool quiet, const struct words *targets);

/* The path of the image that is built, or will be; ends the program when make does not tell it. Builds nothing. */
const char *project_image(const char *bsp, bool debug);

#endif
