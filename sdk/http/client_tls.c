/* SPDX-License-Identifier: ISC */
/* https for an agent: in a file of its own, so that a program of http alone links no TLS. */
#include <fata/http_client.h>
#include <fata/log.h>
#include <fata/tls.h>

FA_LOG_MODULE("http");

static fa_err secure(void *arg, fa_flow *flow, const char *host, fa_flow **flow_out, fa_deadline deadline)
{
    fa_tls_reason why;
    const fa_err err = fa_tls_connect(arg, flow, host, flow_out, &why, deadline);
    if (err != FA_OK && err != FA_EAGAIN)
        fa_log_warn("https with %s: %s", host, why.text[0] != '\0' ? why.text : fa_err_text(err));
    return err;
}

void fa_http_agent_use_tls(fa_http_agent *agent, struct fa_tls_client *client)
{
    fa_http_agent_set_secure(agent, secure, client);
}
