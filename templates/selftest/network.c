/* SPDX-License-Identifier: ISC */
/* The network: its device, an address, the way to the gateway. */
#include "devices.h"
#include "report.h"
#include <stdio.h>

#define ANSWER_S 3
#define TEXT_BYTES 16u

static const char *text_of(fa_ip4 address, char text_out[TEXT_BYTES])
{
    snprintf(text_out, TEXT_BYTES, "%u.%u.%u.%u", address.byte[0], address.byte[1], address.byte[2], address.byte[3]);
    return text_out;
}

static bool is_none(fa_ip4 address)
{
    return (address.byte[0] | address.byte[1] | address.byte[2] | address.byte[3]) == 0;
}

/* Any answer will do: a gateway that takes no connections says so. */
static void test_gateway(fa_net *net, fa_ip4 gateway, fa_deadline deadline)
{
    static const uint16_t ports[] = {80, 53, 443};
    char text[TEXT_BYTES];
    if (is_none(gateway)) {
        report_device("gateway", RESULT_ABSENT, NULL, "the network has none");
        return;
    }
    text_of(gateway, text);
    for (size_t i = 0; i < FA_ARRAY_COUNT(ports); i++) {
        fa_flow *flow;
        const uint64_t start_ns = fa_clock_mono_ns();
        const fa_deadline by = fa_after_s(ANSWER_S) < deadline ? fa_after_s(ANSWER_S) : deadline;
        const fa_err err = fa_net_connect(net, text, ports[i], &flow, by);
        if (err == FA_OK)
            fa_flow_close(flow);
        if (err == FA_OK || err == FA_ECLOSED) {
            report_device("gateway", RESULT_OK, NULL, "%s answers at port %u after %lu us", text, ports[i],
                          (unsigned long)((fa_clock_mono_ns() - start_ns) / FA_NS_PER_US));
            return;
        }
    }
    report_device("gateway", RESULT_SKIPPED, NULL, "%s answers nothing at the ports 80, 53 and 443: some never do", text);
}

void test_network(fa_net **net_out, fa_deadline deadline)
{
    char address[TEXT_BYTES], mask[TEXT_BYTES], mac_text[TEXT_BYTES * 2] = "";
    fa_net_info info;
    fa_err err = fa_net_start(net_out, deadline);
    if (err != FA_OK && err != FA_ETIMEDOUT) {
        *net_out = NULL;
        if (err == FA_ENOENT)
            report_device("network", RESULT_ABSENT, NULL, "this machine has none");
        else if (err == FA_ENOENTROPY)
            report_device("network", RESULT_SKIPPED, NULL, "it needs randomness, see above");
        else
            report_device("network", RESULT_FAILED, "tell us", "%s", fa_err_text(err));
        return;
    }
    fa_net_info_get(*net_out, &info);
    const uint8_t *mac = info.mac; /* of a process none */
    if ((mac[0] | mac[1] | mac[2] | mac[3] | mac[4] | mac[5]) != 0)
        snprintf(mac_text, sizeof mac_text, " %02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
    if (err == FA_ETIMEDOUT)
        report_device("network", RESULT_FAILED, "is the cable in, do the lights at the plug shine, is there a DHCP server? --ip=A.B.C.D/24 sets an address",
                      "%s%s has no address; %llu packets received, %llu sent", info.device, mac_text,
                      (unsigned long long)info.received_packets, (unsigned long long)info.sent_packets);
    else
        report_device("network", RESULT_OK, NULL, "%s%s, address %s (%s), mask %s", info.device, mac_text, text_of(info.address, address), info.origin, text_of(info.netmask, mask));
    if (err == FA_OK)
        test_gateway(*net_out, info.gateway, deadline);
}
