/* SPDX-License-Identifier: ISC */
/* A copy of an SD card with other options for its program, for the length of a run. */
#ifndef FATA_CLI_CARD_COPY_H
#define FATA_CLI_CARD_COPY_H

#include "card.h"

/* The path of the copy, which is removed when the tool ends; ends the program when it cannot be made. */
const char *card_copy(const struct card *card, const char *command_line);

#endif
