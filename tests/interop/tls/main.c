/* SPDX-License-Identifier: ISC */
/* For tests/interop: a TLS server of several kinds, a port for each; or, with --targets, a client that asks several servers. */
#include "tls.h"
#include <fata/file.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

FA_PARAM_UINT(now, "now", 0, 0, UINT32_MAX, "the time, in seconds since 1970, for machines that know none");
FA_PARAM_STRING(host, "host", "", "whom to ask, by address");
FA_PARAM_STRING(targets, "targets", "", "ports and the names expected there: 4501=a.example,4502=...");
FA_PARAM_STRING(identity, "identity", "", "who the client is");
FA_PARAM_STRING(alpn, "alpn", "", "the protocol that the client wants");
FA_PARAM_FLAG(only_13, "only-13", "the client knows TLS 1.3 alone");
FA_PARAM_FLAG(unverified, "unverified", "the client believes anybody");
FA_PARAM_UINT(times, "times", 1, 1, 100, "how often each is asked");
FA_PARAM_UINT(talks, "talks", 1, 1, 100, "how often it says hello in a connection");

static void must(fa_err err, const char *what, const char *why)
{
    if (err == FA_OK)
        return;
    printf("%s: %s: %s\n", what, fa_err_text(err), why);
    exit(EXIT_FAILURE);
}

static const fa_file *file_of(const char *name, const char *kind)
{
    char path[64];
    snprintf(path, sizeof path, "/%s.%s", name, kind);
    const fa_file *file = fa_file_find(path);
    must(file == NULL ? FA_ENOENT : FA_OK, path, "not embedded");
    return file;
}

fa_tls_identity *identity_of(const char *name)
{
    const fa_file *chain = file_of(name, "pem"), *key = file_of(name, "key");
    fa_tls_reason why;
    fa_tls_identity *made = NULL;
    must(fa_tls_identity_new(chain->bytes, chain->len, key->bytes, key->len, &made, &why), name, why.text);
    return made;
}

fa_tls_trust *trust(void)
{
    static fa_tls_trust *made;
    const fa_file *ca = file_of("ca", "pem"), *crl = file_of("ca", "crl");
    fa_tls_reason why = {""};
    if (made != NULL)
        return made;
    must(fa_tls_trust_new(&made), "trust", "");
    must(fa_tls_trust_add(made, ca->bytes, ca->len, &why), "ca", why.text);
    must(fa_tls_trust_add_crl(made, crl->bytes, crl->len, &why), "crl", why.text);
    return made;
}

void describe(const fa_flow *flow, char line_out[LINE_BYTES])
{
    fa_tls_info info;
    if (fa_tls_info_get(flow, &info) != FA_OK)
        snprintf(line_out, LINE_BYTES, "not a TLS flow");
    else
        snprintf(line_out, LINE_BYTES, "%s %s alpn=%s name=%s peer=%s names=%s resumed=%d", info.version, info.cipher, info.alpn,
                 info.server_name, info.peer_subject, info.peer_names, info.resumed);
}

int main(void)
{
    fa_net *net;
    if (now > 0)
        fa_clock_set_wall(now * FA_NS_PER_S);
    fa_err err = fa_net_start(&net, fa_after_s(WAIT_S));
    if (err == FA_OK && *targets == '\0')
        err = serve(net);
    else if (err == FA_OK)
        err = ask_all(net, &(ask_options){host, targets, identity, alpn, only_13, unverified, times, talks});
    if (err == FA_OK)
        err = fa_net_finish(net, fa_after_s(2));
    if (err != FA_OK)
        printf("failed: %s\n", fa_err_text(err));
    return err == FA_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
