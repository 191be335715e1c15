/* SPDX-License-Identifier: ISC */
/* What mbedTLS is built with, in the place of its own settings; each is described in its mbedtls_config.h.
 * TLS 1.2 and 1.3, server and client, without what is old or weak: no CBC, no static RSA or DH key
 * exchange, no SHA-1 signatures, no renegotiation, no DTLS, no pre-shared keys but those of tickets.
 *
 * What it asks of a program: mbedtls_psa_external_get_random() where PSA or TLS is used, mbedtls_ms_time()
 * where TLS is. sdk/tls has both. */

/* The system. Its clock is libc's time() until mbedtls_platform_set_time() says otherwise. */
#define MBEDTLS_HAVE_ASM
#define MBEDTLS_HAVE_TIME
#define MBEDTLS_HAVE_TIME_DATE
#define MBEDTLS_PLATFORM_C
#define MBEDTLS_PLATFORM_MEMORY /* calloc() and free() of libc, until a program sets others */
#define MBEDTLS_PLATFORM_TIME_ALT
#define MBEDTLS_PLATFORM_MS_TIME_ALT
#define MBEDTLS_NO_PLATFORM_ENTROPY
#define MBEDTLS_ERROR_C

/* PSA is what TLS 1.3 makes its keys by. The rest does without: records that go through PSA would expand
 * their key for each one. Nobody else writes to its callers' buffers meanwhile. */
#define MBEDTLS_PSA_CRYPTO_C
#define MBEDTLS_PSA_CRYPTO_CLIENT
#define MBEDTLS_PSA_CRYPTO_EXTERNAL_RNG
#define MBEDTLS_PSA_KEY_STORE_DYNAMIC
#define MBEDTLS_PSA_ASSUME_EXCLUSIVE_BUFFERS

/* What sdk/tls/fast_*.c does faster, and without tables that a secret chooses from. MBEDTLS_FATA_PLAIN is the library
 * at its own best, for tests and benchmarks to compare with. */
#if !defined(MBEDTLS_FATA_PLAIN)
#define MBEDTLS_FATA_FAST
#define MBEDTLS_GCM_ALT
#define MBEDTLS_SHA256_PROCESS_ALT
#else
#define MBEDTLS_AESNI_C
#define MBEDTLS_ECDH_VARIANT_EVEREST_ENABLED
#endif

/* Ciphers and hashes. No large table for GCM: it is 4 KB for each direction of each connection. */
#define MBEDTLS_AES_C
#define MBEDTLS_AES_ROM_TABLES
#define MBEDTLS_GCM_C
#define MBEDTLS_CHACHA20_C
#define MBEDTLS_POLY1305_C
#define MBEDTLS_CHACHAPOLY_C
#define MBEDTLS_CIPHER_C
#define MBEDTLS_MD_C
#define MBEDTLS_SHA224_C
#define MBEDTLS_SHA256_C
#define MBEDTLS_SHA384_C
#define MBEDTLS_SHA512_C
#define MBEDTLS_HKDF_C
#define MBEDTLS_HMAC_DRBG_C

/* Public keys. */
#define MBEDTLS_BIGNUM_C
#define MBEDTLS_RSA_C
#define MBEDTLS_PKCS1_V15
#define MBEDTLS_PKCS1_V21
#define MBEDTLS_ECP_C
#define MBEDTLS_ECP_NIST_OPTIM
#define MBEDTLS_ECP_DP_SECP256R1_ENABLED
#define MBEDTLS_ECP_DP_SECP384R1_ENABLED
#define MBEDTLS_ECP_DP_CURVE25519_ENABLED
#define MBEDTLS_ECDH_C
#define MBEDTLS_ECDSA_C
#define MBEDTLS_ECDSA_DETERMINISTIC

/* Keys and certificates, read and written (sdk/acme and the tool write them). */
#define MBEDTLS_ASN1_PARSE_C
#define MBEDTLS_ASN1_WRITE_C
#define MBEDTLS_OID_C
#define MBEDTLS_BASE64_C
#define MBEDTLS_PEM_PARSE_C
#define MBEDTLS_PEM_WRITE_C
#define MBEDTLS_PK_C
#define MBEDTLS_PK_PARSE_C
#define MBEDTLS_PK_WRITE_C
#define MBEDTLS_X509_USE_C
#define MBEDTLS_X509_CRT_PARSE_C
#define MBEDTLS_X509_CRL_PARSE_C
#define MBEDTLS_X509_CREATE_C
#define MBEDTLS_X509_CRT_WRITE_C
#define MBEDTLS_X509_CSR_WRITE_C
#define MBEDTLS_X509_CSR_PARSE_C
#define MBEDTLS_X509_TRUSTED_CERTIFICATE_CALLBACK /* anchors are looked for, not all of them parsed */
#define MBEDTLS_X509_RSASSA_PSS_SUPPORT

/* TLS. */
#define MBEDTLS_SSL_TLS_C
#define MBEDTLS_SSL_SRV_C
#define MBEDTLS_SSL_CLI_C
#define MBEDTLS_SSL_PROTO_TLS1_2
#define MBEDTLS_KEY_EXCHANGE_ECDHE_RSA_ENABLED
#define MBEDTLS_KEY_EXCHANGE_ECDHE_ECDSA_ENABLED
#define MBEDTLS_SSL_EXTENDED_MASTER_SECRET
#define MBEDTLS_SSL_PROTO_TLS1_3
#define MBEDTLS_SSL_TLS1_3_COMPATIBILITY_MODE
#define MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL_ENABLED
#define MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_PSK_EPHEMERAL_ENABLED
#define MBEDTLS_SSL_KEEP_PEER_CERTIFICATE /* TLS 1.3 wants it; sdk/tls frees it after the handshake */
#define MBEDTLS_SSL_SERVER_NAME_INDICATION
#define MBEDTLS_SSL_ALPN
#define MBEDTLS_SSL_SESSION_TICKETS
#define MBEDTLS_SSL_TICKET_C
