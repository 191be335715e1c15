/* SPDX-License-Identifier: ISC */
/*
 * Keeps the state of standard input while a guest uses it: QEMU turns off a terminal's echo and line editing, and makes
 * the descriptor non-blocking, and gives nothing back when it is killed.
 */
#ifndef FATA_CLI_TERMINAL_H
#define FATA_CLI_TERMINAL_H

void terminal_save(void);
void terminal_restore(void);

#endif
