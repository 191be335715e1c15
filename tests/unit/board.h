/* SPDX-License-Identifier: ISC */
/* The unix board under test: time that passes only as the tests say, so that they do not depend on
 * how busy the machine is; a limit to the stacks; and crashes that are looked at from outside. */
#ifndef FATA_TESTS_UNIT_BOARD_H
#define FATA_TESTS_UNIT_BOARD_H

#include <fata/base.h>

/* Virtual time: waiting for a deadline sets it to the deadline, or on the way there. It does not begin at 0, as if the
 * boot had taken long. */
extern uint64_t board_now_ns;
/* From now on time passes by itself, or by board_now_ns again. It never steps back. */
void board_real_time(bool real);

/* How many more stacks there are, and how many are in use, main's included. */
extern size_t board_stacks_left;
extern size_t board_stack_count;

/* Runs `fn` in a child process; its exit status, and what it printed. */
int board_run_child(void (*fn)(void), char *text, size_t cap);
/* The same; it must crash, and print `want`. */
void board_expect_crash(void (*fn)(void), const char *want);

#endif
