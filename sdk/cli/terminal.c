/* SPDX-License-Identifier: ISC */
/* Saving and restoring the terminal: see terminal.h. */
#include "terminal.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

static struct termios saved;
static bool is_saved;
static int saved_flags = -1;

void terminal_save(void)
{
    (void)atexit(terminal_restore); /* for the errors that end the program at once */
    is_saved = tcgetattr(STDIN_FILENO, &saved) == 0;
    saved_flags = fcntl(STDIN_FILENO, F_GETFL);
}

/* In the background the terminal belongs to somebody else. */
void terminal_restore(void)
{
    if (is_saved && tcgetpgrp(STDIN_FILENO) == getpgrp()) {
        (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &saved);
    }
    if (saved_flags >= 0) {
        (void)fcntl(STDIN_FILENO, F_SETFL, saved_flags);
    }
}
