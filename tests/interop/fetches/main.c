/* SPDX-License-Identifier: ISC */
/* Fetches a URL as often as it is told, and says what came: status, length, CRC-32 of the body. With --clock, it has a wrong
 * wall clock first, has it set by SNTP, and says what time it is then. For tests/interop. */
#include <fata/fata.h>
#include <fata/http_client.h>
#include <fata/sntp.h>
#include <stdio.h>
#include <string.h>

FA_PARAM_STRING(url, "url", "", "what to fetch");
FA_PARAM_STRING(method, "method", "GET", "how");
FA_PARAM_STRING(body, "body", "", "what to send");
FA_PARAM_UINT(times, "times", 1, 1, 1000, "how often");
FA_PARAM_FLAG(set_clock, "clock", "set the clock first");

#define LIMIT_S 60
#define WRONG_NS (UINT64_C(1000000000) * FA_NS_PER_S) /* in 2001 */

static int failed(const char *what, fa_err err)
{
    printf("%s: %s\n", what, fa_err_text(err));
    return 1;
}

static uint32_t crc32_add(uint32_t crc, const uint8_t *bytes, size_t len)
{
    crc = ~crc;
    for (size_t i = 0; i < len; i++) {
        crc ^= bytes[i];
        for (unsigned bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0xedb88320) : 0);
    }
    return ~crc;
}

static fa_err fetch(fa_http_agent *agent, fa_deadline deadline)
{
    const fa_http_request request = {.method = method, .body = *body != '\0' ? body : NULL, .body_len = strlen(body)};
    const fa_http_response *response;
    fa_err err = fa_http_agent_request(agent, url, &request, &response, deadline);
    if (err != FA_OK)
        return err;
    const unsigned status = response->status;
    uint32_t crc = 0;
    size_t len, total = 0;
    uint8_t bytes[1000];
    while ((err = fa_http_agent_read(agent, bytes, sizeof bytes, &len, deadline)) == FA_OK && len > 0) {
        crc = crc32_add(crc, bytes, len);
        total += len;
    }
    if (err == FA_OK)
        printf("status %u length %zu crc %08x\n", status, total, (unsigned)crc);
    return err;
}

static void keep_time(void *net)
{
    const fa_err err = fa_sntp_run(net, NULL, FA_FOREVER);
    if (err != FA_ECANCELED)
        printf("clock: %s\n", fa_err_text(err));
}

static fa_err learn_time(fa_net *net, fa_deadline deadline)
{
    fa_scope scope;
    fa_clock_set_wall(WRONG_NS);
    fa_scope_open(&scope);
    fa_err err = fa_scope_spawn(&scope, "time", keep_time, net);
    if (err == FA_OK)
        err = fa_sntp_wait(deadline);
    fa_sntp_info info;
    fa_sntp_info_get(&info);
    if (err == FA_OK)
        printf("clock %llu.%03llu, %u of %u agree\n", (unsigned long long)(fa_clock_wall_ns() / FA_NS_PER_S),
               (unsigned long long)(fa_clock_wall_ns() / FA_NS_PER_MS % 1000), info.agreeing, info.servers);
    fa_scope_close(&scope);
    return err;
}

int main(void)
{
    const fa_deadline deadline = fa_after_s(LIMIT_S);
    fa_net *net;
    fa_http_agent *agent;
    fa_err err = fa_net_start(&net, deadline);
    if (err == FA_OK && set_clock)
        err = learn_time(net, deadline);
    if (err != FA_OK)
        return failed("network", err);
    if (*url == '\0')
        return 0;
    err = fa_http_agent_open(net, &agent);
    for (uint64_t i = 0; i < times && err == FA_OK; i++)
        err = fetch(agent, deadline);
    if (err != FA_OK)
        return failed(url, err);
    fa_http_agent_close(agent);
    err = fa_net_finish(net, deadline);
    return err == FA_OK ? 0 : failed("network", err);
}
