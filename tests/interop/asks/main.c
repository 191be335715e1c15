/* SPDX-License-Identifier: ISC */
/* Connects to a host by its name, says a text, and prints what is answered up to the end: a client, for tests/interop. */
#include <fata/fata.h>
#include <fata/net.h>
#include <stdio.h>
#include <string.h>

FA_PARAM_STRING(name, "name", "localhost", "the host to ask");
FA_PARAM_UINT(port, "port", 7, 1, 65535, "its port");
FA_PARAM_STRING(text, "text", "hello", "what to say");

#define LIMIT_S 20

static int failed(const char *what, fa_err err)
{
    printf("%s: %s\n", what, fa_err_text(err));
    return 1;
}

int main(void)
{
    fa_deadline deadline = fa_after_s(LIMIT_S);
    char answer[256];
    size_t len, total = 0;
    fa_flow *flow;
    fa_net *net;

    fa_err err = fa_net_start(&net, deadline);
    if (err != FA_OK)
        return failed("network", err);
    err = fa_net_connect(net, name, (uint16_t)port, &flow, deadline);
    if (err != FA_OK)
        return failed(name, err);
    err = fa_flow_write(flow, &(fa_slice){text, strlen(text)}, 1, deadline);
    if (err == FA_OK)
        err = fa_flow_shutdown(flow);
    while (err == FA_OK && total < sizeof answer) {
        err = fa_flow_read(flow, answer + total, sizeof answer - total, &len, deadline);
        if (err == FA_OK && len == 0)
            break;
        total += err == FA_OK ? len : 0;
    }
    fa_flow_close(flow);
    if (err != FA_OK)
        return failed("answer", err);
    printf("answer: %.*s\n", (int)total, answer);
    return 0;
}
