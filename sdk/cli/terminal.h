/* SPDX-License-Identifier: ISC */
/*
 * Keeps the state of standard input while a guest uses it: a program on the same terminal may turn off echo and line
 * editing, or make the descriptor non-blocking, and gives nothing back when it is killed.
 */
#ifndef FATA_CLI_TERMINAL_H
#define FATA_CLI_TERMINAL_H

void terminal_save(void);
void terminal_restore(void);

#endif
