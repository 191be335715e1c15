/* SPDX-License-Identifier: ISC */
/* The bundle: identities, CAs and lists of revoked certificates in one run of bytes. An image has the one that
 * the build made of the project's tls/ folder; a disk or partition may hold another at its start. All integers
 * are big-endian. What stands here is all that its writer, sdk/cli/cert/bundle.c, and its reader, bundle.c, share.
 *
 *     head     8 bytes "fatakeys", be32 version, be32 length of all that follows, 32 bytes SHA-256 of it
 *     entries  be16 kind, be16 zero, be32 length, the bytes, zeroes up to a multiple of 4
 *
 * A name begins an identity, and its chain and key follow. There is one table of CAs at most:
 *
 *     be32 count, count times (be32 hash of the subject, be32 offset of the certificate from the table's start),
 *     sorted by hash, then the certificates
 */
#ifndef FATA_TLS_BUNDLE_FORMAT_H
#define FATA_TLS_BUNDLE_FORMAT_H

#define FA_TLS_BUNDLE_MAGIC "fatakeys"
#define FA_TLS_BUNDLE_MAGIC_BYTES 8u
#define FA_TLS_BUNDLE_VERSION 1u
#define FA_TLS_BUNDLE_HEAD_BYTES 48u
#define FA_TLS_BUNDLE_BYTES_MAX (1024u * 1024u) /* with its head */
#define FA_TLS_BUNDLE_IDENTITIES_MAX 64u
#define FA_TLS_BUNDLE_CRLS_MAX 16u
#define FA_TLS_BUNDLE_NAME_BYTES_MAX 63u

#define FA_TLS_BUNDLE_NAME 1u  /* of an identity: its file's, without the ending */
#define FA_TLS_BUNDLE_CHAIN 2u /* DER, one certificate after the other, the appliance's own first */
#define FA_TLS_BUNDLE_KEY 3u   /* DER: SEC 1, PKCS#1 or PKCS#8 */
#define FA_TLS_BUNDLE_TRUST 4u /* the table of CAs */
#define FA_TLS_BUNDLE_CRL 5u   /* DER */

/* The hash of a subject is FNV-1a, 32 bits, over each attribute's OID and value, ASCII letters made small: two
 * names that mbedTLS takes for equal have the same. */
#define FA_TLS_NAME_HASH_START 2166136261u
#define FA_TLS_NAME_HASH_PRIME 16777619u

#endif
