/* SPDX-License-Identifier: ISC */
/* CAs and revocation lists: see trust.h. mbedTLS follows a chain by fa_tls_trust_find(); with that it knows no
 * revocation lists, so they are looked at here. */
#include "conn.h"
#include "check.h"
#include <mbedtls/md.h>
#include <mbedtls/pk.h>
#include <mbedtls/platform.h>
#include <stdlib.h>
#include <string.h>

/* mbedTLS wants a NUL behind PEM, and counts it. */
typedef struct text {
    unsigned char *bytes;
    size_t len;
} text;

static fa_err text_of(const void *bytes, size_t len, text *text_out, fa_tls_reason *why)
{
    static const char begin[] = "-----BEGIN ";
    if (len == 0 || len > FA_TLS_CHAIN_BYTES_MAX) {
        fa_tls_say(why, len == 0 ? "it is empty" : "it is longer than 64 KiB");
        return len == 0 ? FA_EFORMAT : FA_ELIMIT;
    }
    text_out->bytes = malloc(len + 1);
    if (text_out->bytes == NULL)
        return FA_ENOMEM;
    memcpy(text_out->bytes, bytes, len);
    text_out->bytes[len] = '\0';
    text_out->len = len + (memmem(bytes, len, begin, sizeof begin - 1) != NULL);
    return FA_OK;
}

static fa_err explain(int ret, const char *what, fa_tls_reason *why)
{
    fa_tls_reason reason = {""};
    const fa_err err = fa_tls_err_of(ret, NULL, &reason);
    fa_tls_say(why, "not a %s: %.200s", what, reason.text);
    return err;
}

fa_err fa_tls_trust_new(fa_tls_trust **trust_out)
{
    const fa_err err = fa_tls_library_start();
    if (err != FA_OK)
        return err;
    fa_tls_trust *trust = calloc(1, sizeof *trust);
    if (trust == NULL)
        return FA_ENOMEM;
    trust->refs = 1;
    mbedtls_x509_crt_init(&trust->cas);
    mbedtls_x509_crl_init(&trust->crls);
    *trust_out = trust;
    return FA_OK;
}

fa_err fa_tls_trust_add(fa_tls_trust *trust, const void *bytes, size_t len, fa_tls_reason *why)
{
    text t;
    fa_tls_say(why, "%s", "");
    const fa_err err = text_of(bytes, len, &t, why);
    if (err != FA_OK)
        return err;
    const int ret = mbedtls_x509_crt_parse(&trust->cas, t.bytes, t.len);
    free(t.bytes);
    if (ret > 0) {
        fa_tls_say(why, "%d of the certificates cannot be read", ret);
        return FA_EFORMAT;
    }
    return ret == 0 ? FA_OK : explain(ret, "certificate", why);
}

fa_err fa_tls_trust_add_table(fa_tls_trust *trust, const uint8_t *bytes, size_t len)
{
    return trust->table.bytes != NULL ? FA_EEXIST : fa_tls_table_open(bytes, len, &trust->table);
}

static size_t count_of(const mbedtls_x509_crl *crls)
{
    size_t count = 0;
    for (; crls != NULL && crls->raw.p != NULL; crls = crls->next)
        count++;
    return count;
}

/* All of them, or none: read once to count them. */
fa_err fa_tls_trust_add_crl(fa_tls_trust *trust, const void *bytes, size_t len, fa_tls_reason *why)
{
    text t;
    mbedtls_x509_crl some;
    fa_tls_say(why, "%s", "");
    fa_err err = text_of(bytes, len, &t, why);
    if (err != FA_OK)
        return err;
    mbedtls_x509_crl_init(&some);
    int ret = mbedtls_x509_crl_parse(&some, t.bytes, t.len);
    if (ret == 0 && count_of(&trust->crls) + count_of(&some) > FA_TLS_CRLS_MAX) {
        fa_tls_say(why, "more than %u revocation lists", FA_TLS_CRLS_MAX);
        err = FA_ELIMIT;
    } else if (ret == 0) {
        ret = mbedtls_x509_crl_parse(&trust->crls, t.bytes, t.len);
    }
    mbedtls_x509_crl_free(&some);
    free(t.bytes);
    return ret == 0 ? err : explain(ret, "revocation list", why);
}

void fa_tls_trust_free(fa_tls_trust *trust)
{
    if (trust == NULL || --trust->refs > 0)
        return;
    mbedtls_x509_crt_free(&trust->cas);
    mbedtls_x509_crl_free(&trust->crls);
    free(trust->own_table);
    free(trust);
}

fa_tls_trust *fa_tls_trust_keep(fa_tls_trust *trust)
{
    if (trust != NULL)
        trust->refs++;
    return trust;
}

/* The CAs of a name, as copies: others run while they are used, and the trust may be replaced. *list_out is mbedTLS's
 * memory, or NULL. */
static int find(const fa_tls_trust *trust, const mbedtls_x509_name *name, mbedtls_x509_crt **list_out)
{
    const uint32_t hash = fa_tls_name_hash(name);
    size_t count = 0;
    int ret = 0;
    mbedtls_x509_crt *list = mbedtls_calloc(1, sizeof *list);
    if (list == NULL)
        return MBEDTLS_ERR_X509_ALLOC_FAILED;
    mbedtls_x509_crt_init(list);
    for (size_t i = fa_tls_table_find(&trust->table, hash);
         ret == 0 && i < trust->table.count && fa_tls_table_hash(&trust->table, i) == hash; i++) {
        size_t len;
        const uint8_t *der = fa_tls_table_der(&trust->table, i, &len);
        if (count++ < FA_TLS_CANDIDATES_MAX)
            ret = mbedtls_x509_crt_parse_der(list, der, len);
    }
    for (const mbedtls_x509_crt *ca = &trust->cas; ret == 0 && ca != NULL && ca->raw.p != NULL; ca = ca->next)
        if (fa_tls_name_hash(&ca->subject) == hash && count++ < FA_TLS_CANDIDATES_MAX)
            ret = mbedtls_x509_crt_parse_der(list, ca->raw.p, ca->raw.len);
    if (ret == 0 && count > 0) {
        *list_out = list;
        return 0;
    }
    mbedtls_x509_crt_free(list);
    mbedtls_free(list);
    *list_out = NULL;
    return ret;
}

int fa_tls_trust_find(void *arg, const mbedtls_x509_crt *child, mbedtls_x509_crt **candidates_out)
{
    const fa_tls_config *config = arg;
    *candidates_out = NULL;
    return find(config->trust, &child->issuer, candidates_out);
}

static bool signed_by(const mbedtls_x509_crl *crl, mbedtls_x509_crt *ca)
{
    unsigned char hash[MBEDTLS_MD_MAX_SIZE];
    const mbedtls_md_info_t *md = mbedtls_md_info_from_type(crl->sig_md);
    return mbedtls_x509_crt_check_key_usage(ca, MBEDTLS_X509_KU_CRL_SIGN) == 0 && md != NULL &&
           mbedtls_md(md, crl->tbs.p, crl->tbs.len, hash) == 0 &&
           mbedtls_pk_verify_ext(crl->sig_pk, crl->sig_opts, &ca->pk, crl->sig_md, hash, mbedtls_md_get_size(md),
                                 crl->sig.p, crl->sig.len) == 0;
}

/* Whether a CA that is trusted has signed list number `number`: found out once. */
static bool is_good(fa_tls_trust *trust, const mbedtls_x509_crl *crl, unsigned number)
{
    mbedtls_x509_crt *list = NULL;
    if ((trust->good_crls >> number & 1) == 0 && find(trust, &crl->issuer, &list) == 0 && list != NULL) {
        for (mbedtls_x509_crt *ca = list; ca != NULL; ca = ca->next)
            if (signed_by(crl, ca))
                trust->good_crls |= (uint32_t)1 << number;
        mbedtls_x509_crt_free(list);
        mbedtls_free(list);
    }
    return (trust->good_crls >> number & 1) != 0;
}

void fa_tls_trust_judge(fa_tls_trust *trust, const mbedtls_x509_crt *crt, uint32_t *flags)
{
    if (trust == NULL || trust->crls.raw.p == NULL)
        return;
    const uint32_t issuer = fa_tls_name_hash(&crt->issuer);
    unsigned number = 0;
    fa_tls_trust_keep(trust); /* others run within is_good(), and may replace it */
    for (const mbedtls_x509_crl *crl = &trust->crls; crl != NULL; crl = crl->next, number++) {
        if (fa_tls_name_hash(&crl->issuer) != issuer)
            continue;
        if (!is_good(trust, crl, number))
            *flags |= MBEDTLS_X509_BADCRL_NOT_TRUSTED;
        if (crl->next_update.year != 0 && mbedtls_x509_time_is_past(&crl->next_update))
            *flags |= MBEDTLS_X509_BADCRL_EXPIRED;
        if (mbedtls_x509_time_is_future(&crl->this_update))
            *flags |= MBEDTLS_X509_BADCRL_FUTURE;
        if (mbedtls_x509_crt_is_revoked(crt, crl))
            *flags |= MBEDTLS_X509_BADCERT_REVOKED;
    }
    fa_tls_trust_free(trust);
}
