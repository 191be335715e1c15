/* SPDX-License-Identifier: ISC */
/* Where certificates and keys come from: what the build took in of the project's folder tls/ (TLS=1; `fata
 * cert` makes its files), a disk that `fata cert disk` has made, or this appliance itself at its first boot.
 * Below it lie <fata/tls.h>, whose identities and trust these are, and <fata/block.h>.
 *
 *     fa_tls_keys *keys;
 *     fa_tls_reason why;
 *     err = fa_tls_keys_embedded(&keys, &why);
 *     options.identities = fa_tls_keys_identities(keys, &options.identity_count);
 *     options.trust = fa_tls_keys_trust(keys);
 *
 * Private keys lie in pages of their own, with guard pages around them, and nowhere else: what they were read
 * from is wiped. So an overrun elsewhere does not reach them, no packet or disk buffer shares a page with
 * them, and a process's core dump leaves them out. Who can read all of the machine's memory can read them. */
#ifndef FATA_KEYS_H
#define FATA_KEYS_H

#include <fata/block.h>
#include <fata/tls.h>

typedef struct fa_tls_keys fa_tls_keys;

/* What the image has, read at the first call and kept. FA_ENOENT: it was built without TLS=1; otherwise
 * the errors of an identity. `why` may be NULL, in all of these functions. */
FA_MUST_CHECK fa_err fa_tls_keys_embedded(fa_tls_keys **keys_out, fa_tls_reason *why);
/* What stands on a disk from a sector on: at 0, or where a partition begins. FA_ENOENT: nothing of the
 * kind; FA_EFORMAT: it is damaged; otherwise errors of an identity, or of a read. */
FA_MUST_CHECK fa_err fa_tls_keys_from_block(fa_block *block, uint64_t sector, fa_tls_keys **keys_out,
                                            fa_tls_reason *why, fa_deadline deadline);
/* The same from memory, which is wiped in any case. */
FA_MUST_CHECK fa_err fa_tls_keys_from_bytes(void *bytes, size_t len, fa_tls_keys **keys_out,
                                            fa_tls_reason *why);
void fa_tls_keys_free(fa_tls_keys *keys);

/* Keys that this appliance makes itself, such as at its first boot, when there are none on its disk: an
 * identity "server" with a key on P-256 and a certificate that it has signed itself, until 2049, for peers
 * that are given just this one. `names` are hosts' names and IPv4 addresses, NULL behind the last. Takes
 * some 10 ms, on ARM 100, in which no other fiber runs. FA_EINVAL: no name, or a bad one; FA_ELIMIT: more
 * than FA_TLS_KEYS_NAMES_MAX; FA_ENOENTROPY, FA_ENOMEM. */
#define FA_TLS_KEYS_NAMES_MAX 8u
FA_MUST_CHECK fa_err fa_tls_keys_make(const char *const *names, fa_tls_keys **keys_out, fa_tls_reason *why);
/* Writes them so that fa_tls_keys_from_block() finds them, over what is there: a loss of power meanwhile leaves
 * something damaged. Errors as of a write. */
FA_MUST_CHECK fa_err fa_tls_keys_to_block(const fa_tls_keys *keys, fa_block *block, uint64_t sector,
                                          fa_deadline deadline);
/* A request for a certificate for the same names and key, as PEM: `fata cert new NAME --csr FILE` signs it,
 * as any CA does. FA_ENOENT: no such identity; FA_ENOSPC: it is longer than `cap`. */
#define FA_TLS_REQUEST_BYTES 2048u
FA_MUST_CHECK fa_err fa_tls_keys_request(const fa_tls_keys *keys, const char *name, char *pem_out, size_t cap);
/* The certificate comes back, PEM or DER, with those between it and the root: the identity shows it from now
 * on. FA_ENOENT; otherwise the errors of an identity, and it stays as it was. */
FA_MUST_CHECK fa_err fa_tls_keys_set_chain(fa_tls_keys *keys, const char *name, const void *chain, size_t len,
                                           fa_tls_reason *why);

/* All identities, in the order of their names; they, and the trust, are the keys'. */
fa_tls_identity *const *fa_tls_keys_identities(const fa_tls_keys *keys, size_t *count_out);
/* The one of the files NAME.pem and NAME.key; NULL: there is none. */
fa_tls_identity *fa_tls_keys_identity(const fa_tls_keys *keys, const char *name);
/* In whom peers' certificates must be issued by; NULL: no CA was given. */
fa_tls_trust *fa_tls_keys_trust(const fa_tls_keys *keys);

#endif
