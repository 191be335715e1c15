/* SPDX-License-Identifier: ISC */
/* The boot parameters of the network. A wrong one ends the run before main, with what would be right. */
#include "settings.h"
#include "../core/pages.h"
#include <fata/log.h>
#include <fata/param.h>
#include <stdlib.h>
#include <string.h>

FA_LOG_MODULE("net");

#define BY_DHCP "dhcp"
#define NONE "none"
#define MEMORY_LEAST_BYTES (256 * FA_KIB)
#define MEMORY_MOST_BYTES (1024 * FA_MIB)
/* Of itself the network takes this part of the memory that is free, within these bounds. */
#define MEMORY_PART 8
#define MEMORY_OWN_LEAST_BYTES (512 * FA_KIB)
#define MEMORY_OWN_MOST_BYTES (16 * FA_MIB)
#define CONNECTIONS_MOST 1000000

/* "10.0.0.2/24" */
static fa_err parse_network(const char *text, fa_ip4 *address_out, fa_ip4 *netmask_out)
{
    char address[sizeof "255.255.255.255"];
    const char *slash = strchr(text, '/');
    if (slash == NULL || (size_t)(slash - text) >= sizeof address)
        return FA_EFORMAT;
    memcpy(address, text, (size_t)(slash - text));
    address[slash - text] = '\0';
    char *end;
    const unsigned long bits = strtoul(slash + 1, &end, 10);
    if (slash[1] < '0' || slash[1] > '9' || *end != '\0' || bits < 1 || bits > 32)
        return FA_EFORMAT;
    const uint32_t mask = UINT32_MAX << (32 - bits);
    for (size_t i = 0; i < sizeof netmask_out->byte; i++)
        netmask_out->byte[i] = (uint8_t)(mask >> (24 - 8 * i));
    const fa_err err = fa_ip4_parse(address, address_out);
    const uint8_t first = err == FA_OK ? address_out->byte[0] : 0;
    /* Neither this network, nor loopback, nor a group (RFC 1122, 3.2.1.3). */
    return first == 0 || first == 127 || first >= 224 ? FA_EFORMAT : FA_OK;
}

static const char *check_network(const char *text)
{
    fa_ip4 address, netmask;
    if (strcmp(text, BY_DHCP) == 0 || parse_network(text, &address, &netmask) == FA_OK)
        return NULL;
    return "neither an address with the bits of its network, such as 10.0.0.2/24, nor " BY_DHCP;
}

static const char *check_address(const char *text)
{
    fa_ip4 address;
    if (strcmp(text, NONE) == 0 || fa_ip4_parse(text, &address) == FA_OK)
        return NULL;
    return "neither an address such as 10.0.0.1 nor " NONE;
}

static const char *ip = BY_DHCP, *gateway = NONE, *dns = NONE;
FA_PARAM_DEFINE(ip, "ip", "the address and the bits of its network, such as 10.0.0.2/24",
                FA_PARAM_KIND_STRING, &ip, 0, 0, check_network);
FA_PARAM_DEFINE(gateway, "gateway", "with --ip: the way to all other networks",
                FA_PARAM_KIND_STRING, &gateway, 0, 0, check_address);
FA_PARAM_DEFINE(dns, "dns", "with --ip: whom to ask for addresses of names", FA_PARAM_KIND_STRING,
                &dns, 0, 0, check_address);
FA_PARAM_BYTES(net_memory, "net-memory", 0, 0, MEMORY_MOST_BYTES,
               "for packets; 0: an eighth of what is free, at most 16M");
FA_PARAM_UINT(net_connections, "net-connections", 0, 0, CONNECTIONS_MOST,
              "of TCP, at a time; 0: as many as a quarter of that memory holds");

static size_t choose_memory(void)
{
    if (net_memory > 0)
        return net_memory < MEMORY_LEAST_BYTES ? MEMORY_LEAST_BYTES : (size_t)net_memory;
    /* (A Linux process has no RAM of its own.) */
    const size_t part = fa_ram.free_count * FA_PAGE_BYTES / MEMORY_PART;
    if (part == 0 || part > MEMORY_OWN_MOST_BYTES)
        return MEMORY_OWN_MOST_BYTES;
    return part < MEMORY_OWN_LEAST_BYTES ? MEMORY_OWN_LEAST_BYTES : part;
}

/* 0.0.0.0 for "none"; what is wrong was refused before. */
static fa_ip4 address_of(const char *text)
{
    fa_ip4 address = {{0}};
    return fa_ip4_parse(text, &address) == FA_OK ? address : (fa_ip4){{0}};
}

void fa_net_settings_get(fa_net_settings *settings_out)
{
    *settings_out = (fa_net_settings){.memory_bytes = choose_memory(),
                                      .tcp_connections_max = (uint32_t)net_connections};
    if (parse_network(ip, &settings_out->address, &settings_out->netmask) == FA_OK) {
        settings_out->gateway = address_of(gateway);
        settings_out->dns = address_of(dns);
    } else if (strcmp(gateway, NONE) != 0 || strcmp(dns, NONE) != 0) {
        fa_log_warn("--gateway and --dns go with --ip; without it, DHCP says them");
    }
}
