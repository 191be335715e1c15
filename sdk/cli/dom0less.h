/* SPDX-License-Identifier: ISC */
/*
 * The machine `dom0less`: Xen on QEMU's ARM board, which starts the project's image by itself, by the fragment of the
 * device tree that `fata package --as dom0less` writes (package.h).
 */
#ifndef FATA_CLI_DOM0LESS_H
#define FATA_CLI_DOM0LESS_H

#include "machines.h"

/* The command line of QEMU; its device tree is in a folder that lasts until the tool ends. */
void dom0less_command(const struct machine *machine, const struct run_plan *plan, struct words *argv_out);

#endif
