/* SPDX-License-Identifier: ISC */
/* The client: connects, says a line, prints what is answered; or why there was no connection. */
#include "tls.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HELLO "hello\n"

/* Says a line and hears one. */
static fa_err say_hello(fa_flow *flow, char answer[256], fa_deadline deadline)
{
    size_t len = 1, total = 0;
    answer[0] = '\0';
    fa_err err = fa_flow_write(flow, &(fa_slice){HELLO, strlen(HELLO)}, 1, deadline);
    while (err == FA_OK && len > 0 && strchr(answer, '\n') == NULL && total < 255) {
        err = fa_flow_read(flow, answer + total, 255 - total, &len, deadline);
        total += err == FA_OK ? len : 0;
        answer[total] = '\0';
    }
    return err;
}

/* "ok: DESCRIPTION answer=TEXT, then ERROR": the last is FA_OK after a close_notify. */
static void talk(const char *who, fa_flow *flow, uint64_t talks)
{
    const fa_deadline deadline = fa_after_s(WAIT_S);
    char line[LINE_BYTES], answer[256] = "";
    size_t len = 1;
    fa_err err = FA_OK;
    describe(flow, line);
    for (uint64_t i = 0; i < talks && err == FA_OK; i++)
        err = say_hello(flow, answer, deadline);
    if (err == FA_OK)
        err = fa_flow_shutdown(flow);
    char rest[256];
    while (err == FA_OK && len > 0)
        err = fa_flow_read(flow, rest, sizeof rest, &len, deadline);
    answer[strcspn(answer, "\r\n")] = '\0';
    describe(flow, line); /* again: tickets have come */
    printf("%s ok: %s answer=%s, then %s%s%s\n", who, line, answer, fa_err_text(err), err == FA_OK ? "" : ": ",
           err == FA_OK ? "" : fa_tls_reason_of(flow));
    fa_flow_close(flow);
}

static void ask(fa_net *net, fa_tls_client *client, const ask_options *options, const char *port, const char *name)
{
    fa_flow *flow;
    fa_tls_reason why = {""};
    fa_err err = fa_net_connect(net, options->host, (uint16_t)atoi(port), &flow, fa_after_s(WAIT_S));
    if (err == FA_OK)
        err = fa_tls_connect(client, flow, name, &flow, &why, fa_after_s(WAIT_S));
    if (err == FA_OK)
        talk(port, flow, options->talks);
    else
        printf("%s failed: %s: %s\n", port, fa_err_text(err), why.text);
}

fa_err ask_all(fa_net *net, const ask_options *options)
{
    const char *const alpn[] = {options->alpn, NULL};
    fa_tls_reason why;
    fa_tls_client *client;
    fa_err err = fa_tls_client_new(
        &(fa_tls_client_options){
            .trust = trust(),
            .identity = *options->identity == '\0' ? NULL : identity_of(options->identity),
            .alpn = *options->alpn == '\0' ? NULL : alpn,
            .only_13 = options->only_13,
            .unverified = options->unverified,
        },
        &client, &why);
    if (err != FA_OK) {
        printf("client: %s\n", why.text);
        return err;
    }
    char *list = strdup(options->targets), *rest = list;
    if (list == NULL)
        return FA_ENOMEM;
    for (char *target = strtok_r(list, ",", &rest); target != NULL; target = strtok_r(NULL, ",", &rest)) {
        char *name = strchr(target, '=');
        if (name == NULL)
            return FA_EINVAL;
        *name++ = '\0';
        for (uint64_t i = 0; i < options->times; i++)
            ask(net, client, options, target, name);
    }
    free(list);
    fa_tls_client_free(client);
    return FA_OK;
}
