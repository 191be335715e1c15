/* SPDX-License-Identifier: ISC */
/* Xenstore for fibers: the tree of names and values that a domain shares with its owner and with the
 * back ends of its devices. A name is given as a path and, if that is easier, one more name below it
 * (else NULL); paths that do not begin with '/' are those of this domain (/local/domain/N). All calls
 * that wait return FA_ETIMEDOUT and FA_ECANCELED as any, and: FA_ENOENT, no such name; FA_EPERM;
 * FA_ELIMIT and FA_ENOSPC, the domain's quota; FA_EIO, the store is broken.
 *
 *     err = xen_store_read(0, "device/vif/0", "mac", text, sizeof text, fa_after_s(5));
 *     err = xen_store_transact(write_all, &device, fa_after_s(5));
 */
#ifndef FATA_DRIVERS_XEN_XENSTORE_H
#define FATA_DRIVERS_XEN_XENSTORE_H

#include "xen.h"
#include "xenstore_ring.h"
#include <fata/fiber.h>

/* How often a transaction that others have disturbed is tried. */
#define XEN_STORE_TRIES_MAX 16u
#define XEN_STORE_PATH_BYTES ((size_t)128) /* of the paths of devices, with the NUL */

/* The frame number of its page, and its port. FA_ENOENT: this domain has no store. */
FA_MUST_CHECK fa_err xen_store_find(uint64_t *frame_out, uint32_t *port_out);
/* Uses what was found, the page mapped and cached: once, and again with what is found after a
 * resume. */
FA_MUST_CHECK fa_err xen_store_open(void *page, uint32_t port);
bool xen_store_is_open(void);

/* Of a transaction; 0: of none. After a resume there is none any more: FA_EAGAIN. */
typedef const struct xen_store_transaction *xen_store_tx;

/* A value as text. FA_ELIMIT: longer than `cap` - 1; FA_EFORMAT: it holds a NUL. */
FA_MUST_CHECK fa_err xen_store_read(xen_store_tx tx, const char *path, const char *name,
                                    char *text_out, size_t cap, fa_deadline deadline);
/* A decimal number, and nothing else. FA_EFORMAT. */
FA_MUST_CHECK fa_err xen_store_read_number(xen_store_tx tx, const char *path, const char *name,
                                           uint64_t *number_out, fa_deadline deadline);
/* The names below, each with a NUL behind it, `len` bytes in all: the caller's, to be freed. */
FA_MUST_CHECK fa_err xen_store_directory(xen_store_tx tx, const char *path, char **names_out,
                                         size_t *len_out, fa_deadline deadline);
FA_MUST_CHECK fa_err xen_store_write(xen_store_tx tx, const char *path, const char *name,
                                     const char *text, fa_deadline deadline);
FA_MUST_CHECK fa_err xen_store_write_number(xen_store_tx tx, const char *path, const char *name,
                                            uint64_t number, fa_deadline deadline);
FA_MUST_CHECK fa_err xen_store_mkdir(xen_store_tx tx, const char *path, fa_deadline deadline);
/* With all that is below. */
FA_MUST_CHECK fa_err xen_store_remove(xen_store_tx tx, const char *path, fa_deadline deadline);
/* Who may do what: as Xenstore has it, texts such as "n5" (owner, others nothing) and "r0" (domain 0
 * reads), each with a NUL behind it. What is got is the caller's, to be freed. */
FA_MUST_CHECK fa_err xen_store_get_permissions(xen_store_tx tx, const char *path, char **list_out,
                                               size_t *len_out, fa_deadline deadline);
FA_MUST_CHECK fa_err xen_store_set_permissions(xen_store_tx tx, const char *path, const char *list,
                                               size_t len, fa_deadline deadline);

/* All of `body` or nothing: it is called again, up to XEN_STORE_TRIES_MAX times, if others changed
 * meanwhile what it has seen; then FA_EAGAIN. What `body` returns, if not FA_OK, undoes it. */
typedef fa_err xen_store_body(xen_store_tx tx, void *arg, fa_deadline deadline);
FA_MUST_CHECK fa_err xen_store_transact(xen_store_body *body, void *arg, fa_deadline deadline);

/* Wakes `queue` with `watch->has_fired` set when something at or below the path changes, and once at
 * first. Path and watch stay where they are until xen_store_unwatch(). */
FA_MUST_CHECK fa_err xen_store_watch_path(xen_store_watch *watch, const char *path, fa_waitq *queue,
                                          fa_deadline deadline);
/* Of one that is not set, too. */
void xen_store_unwatch(xen_store_watch *watch);

#endif
