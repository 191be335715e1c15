/* SPDX-License-Identifier: ISC */
/* Fuzzes the reading of DNS's replies, to a question for "example.org" with the reply's own number; and
 * names: what is normal stays so, and its question is one that a reply can be read to. */
#include "../../sdk/net/dns.h"
#include "require.h"
#include <string.h>

static void read_reply(const uint8_t *bytes, size_t len)
{
    fa_dns_answer answer = {0};
    uint8_t *copy = malloc(len > 0 ? len : 1); /* every byte past the end is noticed */
    require(copy != NULL);
    memcpy(copy, bytes, len);
    const uint16_t id = len >= 2 ? (uint16_t)(copy[0] << 8 | copy[1]) : 0;
    const fa_err err = fa_dns_parse(copy, len, id, "example.org", &answer);
    require(err == FA_OK || err == FA_EAGAIN || err == FA_ENOENT || err == FA_EIO ||
            err == FA_ETRUNCATED);
    require(err == FA_OK ? answer.address_count > 0 && answer.address_count <= FA_DNS_ADDRESSES_MAX
                         : answer.address_count == 0);
    require(err == FA_OK || err == FA_ENOENT ? answer.ttl_s <= INT32_MAX : answer.ttl_s == 0);
    require(fa_dns_parse(copy, len, id ^ 1, "example.org", &answer) == FA_EAGAIN);
    free(copy);
}

static void read_name(const uint8_t *bytes, size_t len)
{
    char *text = malloc(len + 1), name[FA_DNS_NAME_BYTES], again[FA_DNS_NAME_BYTES];
    require(text != NULL);
    memcpy(text, bytes, len);
    text[len] = '\0';
    if (fa_dns_normalize(text, name)) {
        uint8_t question[FA_DNS_BYTES_MAX];
        fa_dns_answer answer;
        require(fa_dns_normalize(name, again) && strcmp(name, again) == 0);
        const size_t question_bytes = fa_dns_write_question(7, name, question);
        require(question_bytes == sizeof(fa_dns_header) + strlen(name) + 2 + 4);
        require(fa_dns_parse(question, question_bytes, 7, name, &answer) == FA_EAGAIN);
        question[2] |= 0x80; /* a reply without an answer */
        require(fa_dns_parse(question, question_bytes, 7, name, &answer) == FA_ENOENT);
        require(answer.ttl_s == 0);
    }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    read_reply(bytes, len);
    read_name(bytes, len);
    return 0;
}
