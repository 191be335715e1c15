/* SPDX-License-Identifier: ISC */
/* Settings of mbedTLS that servers and clients share: which versions, ciphers, curves and signatures. */
#include "conn.h"
#include <mbedtls/ssl_ciphersuites.h>
#include <string.h>

/* Forward secrecy and authenticated encryption only. */
static const int ciphers[] = {
    MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
    MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS1_3_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    0,
};
static const uint16_t groups[] = {
    MBEDTLS_SSL_IANA_TLS_GROUP_X25519,
    MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1,
    MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1,
    MBEDTLS_SSL_IANA_TLS_GROUP_NONE,
};
/* PKCS #1's in front of PSS's: a server of TLS 1.2 that goes by our order must not choose PSS, which mbedTLS
 * offers there, and then refuses. By TLS 1.3, PKCS #1's are for certificates alone (RFC 8446 section 4.2.3). */
static const uint16_t signatures[] = {
    MBEDTLS_TLS1_3_SIG_ECDSA_SECP256R1_SHA256,
    MBEDTLS_TLS1_3_SIG_ECDSA_SECP384R1_SHA384,
    MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA256,
    MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA384,
    MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA512,
    MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA256,
    MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA384,
    MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA512,
    MBEDTLS_TLS1_3_SIG_NONE,
};
static const mbedtls_x509_crt_profile profile = {
    MBEDTLS_X509_ID_FLAG(MBEDTLS_MD_SHA256) | MBEDTLS_X509_ID_FLAG(MBEDTLS_MD_SHA384) |
        MBEDTLS_X509_ID_FLAG(MBEDTLS_MD_SHA512),
    0xfffffff,
    MBEDTLS_X509_ID_FLAG(MBEDTLS_ECP_DP_SECP256R1) | MBEDTLS_X509_ID_FLAG(MBEDTLS_ECP_DP_SECP384R1),
    2048,
};

static fa_err copy_protocols(fa_tls_config *config, const char *const *alpn, fa_tls_reason *why)
{
    for (size_t i = 0; alpn != NULL && alpn[i] != NULL; i++) {
        if (i == FA_TLS_ALPN_MAX) {
            fa_tls_say(why, "more than %u protocols", FA_TLS_ALPN_MAX);
            return FA_ELIMIT;
        }
        config->alpn[i] = alpn[i];
    }
    if (config->alpn[0] == NULL || mbedtls_ssl_conf_alpn_protocols(&config->mbed, config->alpn) == 0)
        return FA_OK;
    fa_tls_say(why, "the name of a protocol (ALPN) has 1 to 255 bytes");
    return FA_EINVAL;
}

fa_err fa_tls_config_init(fa_tls_config *config, int endpoint, bool only_13, const char *const *alpn,
                          fa_tls_trust *trust, fa_tls_reason *why)
{
    mbedtls_ssl_config *mbed = &config->mbed;
    config->refs = 1;
    mbedtls_ssl_config_init(mbed);
    fa_tls_say(why, "%s", "");
    fa_err err = fa_tls_library_start();
    if (err != FA_OK) {
        fa_tls_say(why, "%s", fa_err_text(err));
        return err;
    }
    if (mbedtls_ssl_config_defaults(mbed, endpoint, MBEDTLS_SSL_TRANSPORT_STREAM,
                                    MBEDTLS_SSL_PRESET_DEFAULT) != 0)
        return FA_ENOMEM;
    mbedtls_ssl_conf_min_tls_version(mbed, only_13 ? MBEDTLS_SSL_VERSION_TLS1_3 : MBEDTLS_SSL_VERSION_TLS1_2);
    mbedtls_ssl_conf_max_tls_version(mbed, MBEDTLS_SSL_VERSION_TLS1_3);
    mbedtls_ssl_conf_ciphersuites(mbed, ciphers);
    mbedtls_ssl_conf_groups(mbed, groups);
    mbedtls_ssl_conf_sig_algs(mbed, signatures);
    mbedtls_ssl_conf_cert_profile(mbed, &profile);
    mbedtls_ssl_conf_rng(mbed, fa_tls_draw, NULL);
    config->trust = fa_tls_trust_keep(trust);
    if (trust != NULL)
        mbedtls_ssl_conf_ca_cb(mbed, fa_tls_trust_find, config);
    return copy_protocols(config, alpn, why);
}

fa_err fa_tls_config_set_trust(fa_tls_config *config, fa_tls_trust *trust)
{
    if (config->trust == NULL || trust == NULL)
        return FA_EINVAL;
    fa_tls_trust *old = config->trust;
    config->trust = fa_tls_trust_keep(trust);
    fa_tls_trust_free(old);
    return FA_OK;
}

void fa_tls_config_free(fa_tls_config *config)
{
    mbedtls_ssl_config_free(&config->mbed);
    fa_tls_trust_free(config->trust);
}

void fa_tls_config_release(fa_tls_config *config)
{
    if (--config->refs == 0)
        config->end(config);
}
