/* SPDX-License-Identifier: ISC */
/* Writing DNS's questions and reading its replies (RFC 1035, 4): nothing but bytes in, a record out.
 * Every name in a reply is read within bounds: pointers lead backwards only, and are counted. */
#include "dns.h"
#include <string.h>

#define POINTER 0xc0u
#define UNPRINTABLE '?' /* for a byte that no host's name has: it equals none */

/* Lower case; 0: not in a host's name (RFC 1123, 2.1; and the underscore, which is in use). */
static char normal(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c - 'A' + 'a');
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ? (char)c : 0;
}

bool fa_dns_normalize(const char *name, char name_out[FA_DNS_NAME_BYTES])
{
    size_t len = strlen(name), label_bytes = 0;
    if (len > 0 && name[len - 1] == '.')
        len--;
    if (len >= FA_DNS_NAME_BYTES)
        return false;
    for (size_t i = 0; i < len; i++) {
        const bool is_dot = name[i] == '.';
        if (is_dot ? label_bytes == 0
                   : normal((uint8_t)name[i]) == 0 || label_bytes == FA_DNS_LABEL_BYTES_MAX)
            return false;
        label_bytes = is_dot ? 0 : label_bytes + 1;
        name_out[i] = is_dot ? '.' : normal((uint8_t)name[i]);
    }
    name_out[len] = '\0';
    return label_bytes > 0;
}

size_t fa_dns_write_question(uint16_t id, const char *name, uint8_t bytes_out[FA_DNS_BYTES_MAX])
{
    const fa_dns_header header = {
        .id = fa_be16_of(id),
        .flags = fa_be16_of(FA_DNS_RECURSION_DESIRED),
        .questions = fa_be16_of(1),
    };
    fa_writer w = fa_writer_of(bytes_out, FA_DNS_BYTES_MAX);
    fa_write_bytes(&w, &header, sizeof header);
    for (const char *label = name; *label != '\0';) {
        const size_t len = strcspn(label, ".");
        fa_write_u8(&w, (uint8_t)len);
        fa_write_bytes(&w, label, len);
        label += len + (label[len] == '.');
    }
    fa_write_u8(&w, 0);
    fa_write_be16(&w, FA_DNS_A);
    fa_write_be16(&w, FA_DNS_IN);
    return w.len;
}

typedef struct message {
    const uint8_t *bytes;
    size_t len;
} message;

/* Reads the name at *at, normal as far as it can be, and moves *at behind it. */
static bool read_name(const message *m, size_t *at, char name_out[FA_DNS_NAME_BYTES])
{
    size_t from = *at, behind = 0, len = 0;
    size_t limit = m->len; /* a pointer must lead before where its name began */
    for (unsigned pointers = 0;;) {
        if (from >= m->len)
            return false;
        const uint8_t label_bytes = m->bytes[from];
        if ((label_bytes & POINTER) == POINTER) {
            if (from + 1 >= m->len || ++pointers > FA_DNS_POINTERS_MAX)
                return false;
            const size_t to = (size_t)(label_bytes & ~POINTER & 0xffu) << 8 | m->bytes[from + 1];
            if (behind == 0)
                behind = from + 2;
            if (to >= limit || to >= from)
                return false;
            limit = from = to;
            continue;
        }
        if (label_bytes > FA_DNS_LABEL_BYTES_MAX || label_bytes >= m->len - from)
            return false;
        from++;
        if (label_bytes == 0)
            break;
        if (len + label_bytes + 1 > FA_DNS_NAME_BYTES - 1)
            return false;
        if (len > 0)
            name_out[len++] = '.';
        for (size_t i = 0; i < label_bytes; i++) {
            const char c = normal(m->bytes[from + i]);
            name_out[len++] = c != 0 ? c : UNPRINTABLE;
        }
        from += label_bytes;
    }
    name_out[len] = '\0';
    *at = behind != 0 ? behind : from;
    return true;
}

typedef struct record {
    char owner[FA_DNS_NAME_BYTES];
    uint16_t type, class;
    uint32_t ttl_s;
    size_t data_at, data_bytes;
} record;

static bool read_record(const message *m, size_t *at, record *record_out)
{
    if (!read_name(m, at, record_out->owner))
        return false;
    fa_reader reader = fa_reader_of(m->bytes + *at, m->len - *at);
    record_out->type = fa_read_be16(&reader);
    record_out->class = fa_read_be16(&reader);
    record_out->ttl_s = fa_read_be32(&reader);
    record_out->data_bytes = fa_read_be16(&reader);
    record_out->data_at = m->len - reader.left_bytes;
    fa_read_bytes(&reader, record_out->data_bytes);
    *at = m->len - reader.left_bytes;
    return !reader.failed;
}

/* Looks for the addresses of `name`, which becomes another where there is an alias instead. FA_EAGAIN:
 * it did; FA_ENOENT: neither is there. */
static fa_err find_addresses(const message *m, size_t at, unsigned count,
                             char name[FA_DNS_NAME_BYTES], fa_dns_answer *answer)
{
    char alias[FA_DNS_NAME_BYTES] = "";
    for (unsigned i = 0; i < count && i < FA_DNS_RECORDS_MAX; i++) {
        record r;
        if (!read_record(m, &at, &r))
            return FA_EIO;
        if (r.class != FA_DNS_IN || strcmp(r.owner, name) != 0)
            continue;
        const bool is_alias = r.type == FA_DNS_CNAME && alias[0] == '\0';
        const bool is_address = r.type == FA_DNS_A && r.data_bytes == sizeof(fa_ip4) &&
                                answer->address_count < FA_DNS_ADDRESSES_MAX;
        if (is_address)
            memcpy(&answer->addresses[answer->address_count++], m->bytes + r.data_at,
                   sizeof(fa_ip4));
        if (is_alias && !read_name(m, &r.data_at, alias))
            return FA_EIO;
        /* (RFC 2181, 8: a TTL with its highest bit set is 0.) */
        const uint32_t ttl_s = r.ttl_s > INT32_MAX ? 0 : r.ttl_s;
        if ((is_alias || is_address) && ttl_s < answer->ttl_s)
            answer->ttl_s = ttl_s;
    }
    if (answer->address_count > 0)
        return FA_OK;
    if (alias[0] == '\0')
        return FA_ENOENT;
    memcpy(name, alias, sizeof alias);
    return FA_EAGAIN;
}

/* How long it is so that a name, or its address, is not there (RFC 2308, 5): the lesser of the TTL of
 * the zone's SOA record, behind the answers, and of its MINIMUM, its last field; 0: it does not say. */
static uint32_t negative_ttl(const message *m, size_t at, const fa_dns_header *header)
{
    const unsigned answers = fa_be16_get(header->answers);
    const unsigned count = answers + fa_be16_get(header->authorities);
    for (unsigned i = 0; i < count && i < FA_DNS_RECORDS_MAX; i++) {
        record r;
        if (!read_record(m, &at, &r))
            return 0;
        if (i < answers || r.type != FA_DNS_SOA || r.class != FA_DNS_IN || r.data_bytes < sizeof(fa_be32))
            continue;
        fa_be32 last;
        memcpy(&last, m->bytes + r.data_at + r.data_bytes - sizeof last, sizeof last);
        const uint32_t minimum_s = fa_be32_get(last);
        const uint32_t ttl_s = minimum_s < r.ttl_s ? minimum_s : r.ttl_s;
        return ttl_s > INT32_MAX ? 0 : ttl_s;
    }
    return 0;
}

fa_err fa_dns_parse(const uint8_t *bytes, size_t len, uint16_t id, const char *name,
                    fa_dns_answer *answer_out)
{
    const message m = {bytes, len};
    fa_dns_header header;
    char owner[FA_DNS_NAME_BYTES];
    size_t at = sizeof header;
    if (len < sizeof header)
        return FA_EAGAIN;
    memcpy(&header, bytes, sizeof header);
    const unsigned flags = fa_be16_get(header.flags);
    if (fa_be16_get(header.id) != id ||
        (flags & (FA_DNS_RESPONSE | FA_DNS_OPCODE_MASK)) != FA_DNS_RESPONSE ||
        fa_be16_get(header.questions) != 1 || !read_name(&m, &at, owner) ||
        strcmp(owner, name) != 0)
        return FA_EAGAIN;
    fa_reader question = fa_reader_of(bytes + at, len - at);
    const uint16_t type = fa_read_be16(&question), class = fa_read_be16(&question);
    if (question.failed || type != FA_DNS_A || class != FA_DNS_IN)
        return FA_EAGAIN;
    at = len - question.left_bytes;
    fa_dns_answer answer = {.ttl_s = UINT32_MAX};
    fa_err err = FA_EAGAIN;
    if ((flags & FA_DNS_RCODE_MASK) != 0)
        err = (flags & FA_DNS_RCODE_MASK) == FA_DNS_NXDOMAIN ? FA_ENOENT : FA_EIO;
    else if ((flags & FA_DNS_TRUNCATED) != 0)
        err = FA_ETRUNCATED;
    for (unsigned i = 0; err == FA_EAGAIN && i <= FA_DNS_CNAMES_MAX; i++)
        err = find_addresses(&m, at, fa_be16_get(header.answers), owner, &answer);
    if (err == FA_ENOENT)
        answer = (fa_dns_answer){.ttl_s = negative_ttl(&m, at, &header)};
    if (err == FA_OK || err == FA_ENOENT)
        *answer_out = answer;
    return err == FA_EAGAIN ? FA_EIO : err; /* too long a chain of aliases, or a ring */
}
