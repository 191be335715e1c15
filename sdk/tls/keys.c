/* SPDX-License-Identifier: ISC */
/* Keys that the image has, or a disk: see <fata/keys.h>. */
#include "keys.h"
#include <mbedtls/platform_util.h>
#include <stdlib.h>
#include <string.h>

/* An identity as its entries arrive: a name, a chain, a key. */
typedef struct part {
    fa_tls_entry name, chain;
} part;

static void keys_free(fa_tls_keys *keys)
{
    for (size_t i = 0; i < keys->count; i++)
        fa_tls_identity_free(keys->identities[i]);
    fa_tls_trust_free(keys->trust);
    free(keys);
}

void fa_tls_keys_free(fa_tls_keys *keys)
{
    if (keys != NULL && !keys->is_embedded)
        keys_free(keys);
}

static fa_err add_identity(fa_tls_keys *keys, part *p, const fa_tls_entry *key, fa_tls_reason *why)
{
    fa_tls_reason reason = {""};
    if (p->name.bytes == NULL || p->chain.bytes == NULL)
        return FA_EFORMAT;
    if (keys->count == FA_TLS_BUNDLE_IDENTITIES_MAX)
        return FA_ELIMIT;
    memcpy(keys->names[keys->count], p->name.bytes, p->name.len);
    keys->names[keys->count][p->name.len] = '\0';
    const fa_err err = fa_tls_identity_new(p->chain.bytes, p->chain.len, key->bytes, key->len,
                                           &keys->identities[keys->count], &reason);
    if (err == FA_OK)
        keys->count++;
    else
        fa_tls_say(why, "%s: %.180s", keys->names[keys->count], reason.text[0] != '\0' ? reason.text : fa_err_text(err));
    *p = (part){{0, NULL, 0}, {0, NULL, 0}};
    return err;
}

static fa_err need_trust(fa_tls_keys *keys)
{
    return keys->trust != NULL ? FA_OK : fa_tls_trust_new(&keys->trust);
}

/* The trust has a copy where the bundle goes away: it may live longer than the keys. */
static fa_err add_table(fa_tls_keys *keys, const fa_tls_entry *entry)
{
    uint8_t *copy = NULL;
    fa_err err = need_trust(keys);
    if (err == FA_OK && !keys->is_embedded) {
        copy = malloc(entry->len + 1);
        err = copy == NULL ? FA_ENOMEM : FA_OK;
        if (copy != NULL && entry->len > 0)
            memcpy(copy, entry->bytes, entry->len);
    }
    if (err == FA_OK)
        err = fa_tls_trust_add_table(keys->trust, copy == NULL ? entry->bytes : copy, entry->len);
    if (err == FA_OK)
        keys->trust->own_table = copy;
    else
        free(copy);
    return err;
}

static fa_err add_entry(fa_tls_keys *keys, part *p, const fa_tls_entry *entry, fa_tls_reason *why)
{
    fa_err err;
    switch (entry->kind) {
    case FA_TLS_BUNDLE_NAME:
        if (entry->len == 0 || entry->len > FA_TLS_BUNDLE_NAME_BYTES_MAX)
            return FA_EFORMAT;
        p->name = *entry;
        return FA_OK;
    case FA_TLS_BUNDLE_CHAIN:
        p->chain = *entry;
        return FA_OK;
    case FA_TLS_BUNDLE_KEY:
        return add_identity(keys, p, entry, why);
    case FA_TLS_BUNDLE_TRUST:
        return add_table(keys, entry);
    case FA_TLS_BUNDLE_CRL:
        err = need_trust(keys);
        return err == FA_OK ? fa_tls_trust_add_crl(keys->trust, entry->bytes, entry->len, why) : err;
    default:
        return FA_OK; /* of a later version of the tool, for those who know it */
    }
}

/* Wipes the keys among the entries of what was read, whether it is good or not. */
static void wipe_keys(uint8_t *bytes, fa_reader entries)
{
    fa_tls_entry entry;
    const uint8_t *start = entries.next;
    while (fa_tls_bundle_next(&entries, &entry))
        if (entry.kind == FA_TLS_BUNDLE_KEY)
            mbedtls_platform_zeroize(bytes + FA_TLS_BUNDLE_HEAD_BYTES + (entry.bytes - start), entry.len);
}

static fa_err load(uint8_t *bytes, size_t len, bool is_embedded, fa_tls_keys **keys_out, fa_tls_reason *why)
{
    fa_reader entries;
    fa_tls_entry entry;
    part p = {{0, NULL, 0}, {0, NULL, 0}};
    fa_tls_say(why, "%s", "");
    fa_err err = fa_tls_bundle_open(bytes, len, &entries);
    fa_tls_keys *keys = err == FA_OK ? calloc(1, sizeof *keys) : NULL;
    if (err == FA_OK && keys == NULL)
        err = FA_ENOMEM;
    if (err == FA_OK) {
        const fa_reader all = entries;
        keys->is_embedded = is_embedded;
        while (err == FA_OK && fa_tls_bundle_next(&entries, &entry))
            err = add_entry(keys, &p, &entry, why);
        if (err == FA_OK && entries.failed)
            err = FA_EFORMAT;
        wipe_keys(bytes, all);
    }
    if (err == FA_OK) {
        *keys_out = keys;
        return FA_OK;
    }
    if (keys != NULL)
        keys_free(keys);
    if (why != NULL && why->text[0] == '\0')
        fa_tls_say(why, err == FA_EFORMAT ? "the certificates and keys are damaged: write them again" : "%s",
                   fa_err_text(err));
    return err;
}

fa_err fa_tls_keys_embedded(fa_tls_keys **keys_out, fa_tls_reason *why)
{
    static fa_tls_keys *embedded;
    if (embedded == NULL) {
        if (fa_tls_bundle_bytes == 0) {
            fa_tls_say(why, "this image has no certificates: build it with TLS=1");
            return FA_ENOENT;
        }
        const fa_err err = load(fa_tls_bundle, fa_tls_bundle_bytes, true, &embedded, why);
        if (err != FA_OK)
            return err;
    }
    *keys_out = embedded;
    return FA_OK;
}

fa_err fa_tls_keys_from_bytes(void *bytes, size_t len, fa_tls_keys **keys_out, fa_tls_reason *why)
{
    const fa_err err = load(bytes, len, false, keys_out, why);
    mbedtls_platform_zeroize(bytes, len);
    return err;
}

fa_tls_identity *const *fa_tls_keys_identities(const fa_tls_keys *keys, size_t *count_out)
{
    *count_out = keys->count;
    return keys->identities;
}

fa_tls_identity *fa_tls_keys_identity(const fa_tls_keys *keys, const char *name)
{
    for (size_t i = 0; i < keys->count; i++)
        if (strcmp(keys->names[i], name) == 0)
            return keys->identities[i];
    return NULL;
}

fa_tls_trust *fa_tls_keys_trust(const fa_tls_keys *keys)
{
    return keys->trust;
}
