/* SPDX-License-Identifier: ISC */
/* What `fata inspect` says of an SD card: what is on it, and what boots what. */
#ifndef FATA_CLI_INSPECT_CARD_H
#define FATA_CLI_INSPECT_CARD_H

#include "card.h"
#include "json.h"

void inspect_print_card(const struct card *card, const char *path);
void inspect_json_card(struct json *json, const struct card *card);

#endif
