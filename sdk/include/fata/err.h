/* SPDX-License-Identifier: ISC */
/* Errors: the one closed list of what can go wrong. Every fallible function of the SDK returns
 * `fa_err`; its results go out through trailing `*_out` parameters, which are written only on
 * FA_OK unless a function says otherwise.
 *
 *     fa_err err = fa_chan_recv(&chan, &item, fa_after_ms(500));
 *     if (err != FA_OK)
 *         fa_log_warn("no item: %s", fa_err_text(err));
 */
#ifndef FATA_ERR_H
#define FATA_ERR_H

#include <fata/base.h>

/* X(name, text): FA_<name>, and a sentence part that reads well after a colon. */
#define FA_ERRORS(X)                                                                               \
    X(OK, "success")                                                                               \
    X(EINVAL, "invalid argument")                                                                  \
    X(ENOMEM, "out of memory")                                                                     \
    X(ENOSPC, "no space left")                                                                     \
    X(ENOENT, "no such thing")                                                                     \
    X(EEXIST, "exists already")                                                                    \
    X(EBUSY, "busy")                                                                               \
    X(EIO, "input or output failed")                                                               \
    X(EPERM, "not permitted")                                                                      \
    X(ERANGE, "out of range")                                                                      \
    X(ELIMIT, "a limit was reached")                                                               \
    X(EFORMAT, "malformed input")                                                                  \
    X(ETRUNCATED, "input ends too early")                                                          \
    X(ENOTSUP, "not supported")                                                                    \
    X(ETIMEDOUT, "the deadline passed")                                                            \
    X(ECANCELED, "canceled")                                                                       \
    X(ECLOSED, "closed")                                                                           \
    X(EAGAIN, "not now")                                                                           \
    X(ENOENTROPY, "no randomness yet")                                                             \
    X(ENOCLOCK, "the time is not known yet")

typedef enum fa_err {
#define FA_ERROR_ENUM(name, text) FA_##name,
    FA_ERRORS(FA_ERROR_ENUM)
#undef FA_ERROR_ENUM
} fa_err;

/* The text of an error, for people; the name, such as "FA_ENOMEM", for logs. Never NULL: a number
 * outside of the list gives "unknown error". Static storage. */
const char *fa_err_text(fa_err err);
const char *fa_err_name(fa_err err);

#endif
