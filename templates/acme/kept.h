/* SPDX-License-Identifier: ISC */
/* What an ACME client keeps, on a disk: an account's key, and a certificate with its key, each in two places that are
 * written in turn, so that a loss of power in the middle of a write leaves the one before.
 *
 *     err = kept_open_take(disk, false, &kept, &why, fa_after_s(30));
 *     options.storage = kept_storage(kept);
 */
#ifndef KEPT_H
#define KEPT_H

#include <fata/acme.h>
#include <fata/block.h>

typedef struct kept kept;

/* In the disk's partition of type FA_BLOCK_DATA (CARD_DATA), or if it has no table of partitions, from its beginning. FA_EBUSY:
 * something else stands there (`erase`: then it does no longer); FA_ENOSPC: it is too small; FA_ENOMEM, and errors of a read or
 * a write. *why_out is NULL, or says more. The disk is kept's, on failure too. */
FA_MUST_CHECK fa_err kept_open_take(fa_block *disk_take, bool erase, kept **kept_out, const char **why_out, fa_deadline deadline);
fa_acme_storage kept_storage(kept *k);
void kept_close(kept *k); /* NULL: nothing */

#endif
