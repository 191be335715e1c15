/* SPDX-License-Identifier: ISC */
/* The head of a response: its first line; the rest is as in requests. */
#include "client_head.h"
#include "text.h"
#include <string.h>

#define VERSION "HTTP/1."
#define STATUS_DIGITS 3u

/* RFC 9112 section 4. The space before a reason that is empty is often left out. */
static char *parse_status_line(fa_http_head *head, char *at, unsigned *status_out)
{
    if (strncmp(at, VERSION, strlen(VERSION)) != 0) /* (it stops at a difference, of which CR is one) */
        return NULL;
    at += strlen(VERSION);
    if (!fa_http_char_is(*at, FA_HTTP_CHAR_DIGIT))
        return NULL;
    head->minor = *at++ == '0' ? 0 : 1;
    if (*at++ != ' ')
        return NULL;
    unsigned status = 0;
    for (unsigned i = 0; i < STATUS_DIGITS; i++, at++) {
        if (!fa_http_char_is(*at, FA_HTTP_CHAR_DIGIT))
            return NULL;
        status = status * 10 + (unsigned)(*at - '0');
    }
    if (status < 100 || (*at != ' ' && *at != '\r'))
        return NULL;
    while (fa_http_char_is(*at, FA_HTTP_CHAR_VALUE))
        at++;
    if (at[0] != '\r' || at[1] != '\n')
        return NULL;
    *status_out = status;
    return at + 2;
}

static fa_err err_of(unsigned refusal)
{
    switch (refusal) {
    case FA_HTTP_DONE:
        return FA_OK;
    case 413:
    case 431:
        return FA_ELIMIT;
    case 501:
        return FA_ENOTSUP;
    default:
        return FA_EFORMAT;
    }
}

fa_err fa_http_response_parse(fa_http_head *head, char *bytes, size_t head_len,
                              unsigned *status_out)
{
    memset(head, 0, offsetof(fa_http_head, fields));
    head->authority = NULL;
    head->expect_continue = false;
    char *fields = parse_status_line(head, bytes, status_out);
    if (fields == NULL)
        return FA_EFORMAT;
    head->close = head->minor == 0;
    unsigned refusal = fa_http_fields_parse(head, fields, bytes + head_len);
    if (refusal == FA_HTTP_DONE)
        refusal = fa_http_framing_parse(head);
    return err_of(refusal);
}
