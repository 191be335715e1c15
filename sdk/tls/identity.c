/* SPDX-License-Identifier: ISC */
/* Identities: a chain and its key out of PEM or DER, judged by the rules of the build (check.h). The key's
 * numbers lie in memory of their own (secret.h). */
#include "../core/calendar.h"
#include "check.h"
#include "conn.h"
#include "secret.h"
#include <fata/log.h>
#include <mbedtls/pk.h>
#include <mbedtls/x509_crt.h>
#include <stdlib.h>
#include <string.h>

FA_LOG_MODULE("tls");

/* The first error that is found. */
static void tell(void *why, bool is_error, const char *text)
{
    fa_tls_reason *reason = why;
    if (is_error && reason != NULL && reason->text[0] == '\0')
        fa_tls_say(reason, "%s", text);
}

static void warn(void *unused, bool is_error, const char *text)
{
    (void)unused;
    (void)is_error;
    fa_log_warn("%s", text);
}

static fa_err read_key(fa_tls_identity *identity, const void *key, size_t len, fa_tls_reason *why)
{
    const fa_err err = fa_tls_secret_begin();
    if (err != FA_OK)
        return err;
    const bool good = fa_tls_read_key(&identity->key, key, len, fa_tls_draw, tell, why);
    fa_tls_secret_end();
    return good ? FA_OK : FA_EFORMAT;
}

static fa_err read_pair(fa_tls_identity *identity, const void *chain, size_t chain_len, const void *key, size_t key_len,
                        fa_tls_reason *why)
{
    if (chain_len > FA_TLS_CHAIN_BYTES_MAX || key_len > FA_TLS_CHAIN_BYTES_MAX) {
        fa_tls_say(why, "it is longer than 64 KiB");
        return FA_ELIMIT;
    }
    if (!fa_tls_read_chain(&identity->chain, chain, chain_len, tell, why))
        return FA_EFORMAT;
    const fa_err err = read_key(identity, key, key_len, why);
    if (err != FA_OK)
        return err;
    if (!fa_tls_judge_pair(&identity->chain, &identity->key, fa_tls_draw, tell, why))
        return FA_EINVAL;
    if (!fa_tls_judge_chain(&identity->chain, 0, FA_TLS_USE_EITHER, tell, why))
        return FA_EPERM;
    /* One whose time is over is warned of and not refused: peers judge it, and a clock may be wrong. */
    (void)fa_tls_judge_chain(&identity->chain, (int64_t)(fa_clock_wall_ns() / FA_NS_PER_S), FA_TLS_USE_EITHER, warn, NULL);
    return FA_OK;
}

fa_err fa_tls_identity_new(const void *chain, size_t chain_len, const void *key, size_t key_len,
                           fa_tls_identity **identity_out, fa_tls_reason *why)
{
    fa_tls_say(why, "%s", "");
    fa_err err = fa_tls_library_start();
    if (err != FA_OK)
        return err;
    fa_tls_identity *identity = calloc(1, sizeof *identity);
    if (identity == NULL)
        return FA_ENOMEM;
    identity->refs = 1;
    mbedtls_x509_crt_init(&identity->chain);
    mbedtls_pk_init(&identity->key);
    err = read_pair(identity, chain, chain_len, key, key_len, why);
    if (err == FA_OK)
        *identity_out = identity;
    else
        fa_tls_identity_free(identity);
    return err;
}

void fa_tls_identity_only_for(fa_tls_identity *identity, const char *alpn)
{
    identity->only_for = alpn;
}

static uint64_t seconds_of(const mbedtls_x509_time *t)
{
    return fa_date_to_s((fa_date){(unsigned)t->year, (unsigned)t->mon, (unsigned)t->day,
                                  (unsigned)t->hour, (unsigned)t->min, (unsigned)t->sec});
}

void fa_tls_identity_times(const fa_tls_identity *identity, uint64_t *from_s_out, uint64_t *to_s_out)
{
    *from_s_out = seconds_of(&identity->chain.valid_from);
    *to_s_out = seconds_of(&identity->chain.valid_to);
}

void fa_tls_identity_free(fa_tls_identity *identity)
{
    if (identity == NULL || --identity->refs > 0)
        return;
    mbedtls_x509_crt_free(&identity->chain);
    mbedtls_pk_free(&identity->key);
    free(identity);
}

fa_tls_identity *fa_tls_identity_keep(fa_tls_identity *identity)
{
    if (identity != NULL)
        identity->refs++;
    return identity;
}
