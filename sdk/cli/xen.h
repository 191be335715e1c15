/* SPDX-License-Identifier: ISC */
/*
 * The machine `xen`: a real Xen in QEMU, for x86 or ARM as the image is, with a small Linux as its dom0 (toolchain/xen),
 * which creates the guests by xl from the xl.cfg that `fata package --as xl` writes.
 */
#ifndef FATA_CLI_XEN_H
#define FATA_CLI_XEN_H

#include "run_options.h"

/* What it cannot have is refused; ends the program then. */
void xen_check(const struct run_request *request);

/* Runs the request's image, or a shell of the dom0 that has it; returns the tool's exit status. The request's no_network becomes
 * whether they have none. */
int xen_run(struct run_request *request);

#endif
