/* SPDX-License-Identifier: ISC */
/* Figures in Prometheus' text format (version 0.0.4): of the server that answers, of the machine, and
 * of a network. Times are in seconds and sizes in bytes, as its names want it. */
#include "../core/pages.h"
#include "../fiber/sched.h"
#include <fata/http.h>

typedef unsigned long long figure;

static void print(fa_http *http, const char *name, const char *kind, const char *help, figure value)
{
    fa_http_printf(http, "# HELP fata_%s %s\n# TYPE fata_%s %s\nfata_%s %llu\n", name, help, name,
                   kind, name, value);
}

static void print_server(fa_http *http)
{
    static const char *const classes[] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};
    fa_http_stats stats;
    fa_http_stats_get(http, &stats);
    fa_http_printf(http, "# HELP fata_http_requests_total Requests by the class of their status.\n"
                         "# TYPE fata_http_requests_total counter\n");
    for (size_t i = 0; i < FA_ARRAY_COUNT(classes); i++)
        if (i != 1)
            fa_http_printf(http, "fata_http_requests_total{status=\"%s\"} %llu\n", classes[i],
                           (figure)stats.responses[i]);
    print(http, "http_sent_bytes_total", "counter", "Bytes of responses, with their heads.", stats.sent_bytes);
    print(http, "http_accepted_total", "counter", "Connections accepted.", stats.accepted);
    print(http, "http_connections", "gauge", "Connections open, of HTTP.", stats.connections);
    print(http, "http_fibers", "gauge", "Fibers that answer requests.", stats.fibers);
}

static void print_machine(fa_http *http)
{
    const uint64_t up_ms = fa_clock_mono_ns() / FA_NS_PER_MS;
    fa_http_printf(http,
                   "# HELP fata_uptime_seconds Time since the boot.\n"
                   "# TYPE fata_uptime_seconds gauge\nfata_uptime_seconds %llu.%03u\n",
                   (figure)(up_ms / 1000), (unsigned)(up_ms % 1000));
    print(http, "fibers", "gauge", "Fibers of the whole program.", fa_sched_count());
    if (fa_ram.total_count == 0)
        return; /* a process: its memory is the host's */
    print(http, "memory_used_bytes", "gauge", "Memory in use, in whole pages.",
          (figure)(fa_ram.total_count - fa_ram.free_count) * FA_PAGE_BYTES);
    print(http, "memory_total_bytes", "gauge", "Memory for the program.",
          (figure)fa_ram.total_count * FA_PAGE_BYTES);
}

static void print_net(fa_http *http, fa_net *net)
{
    fa_net_info info;
    fa_net_info_get(net, &info);
    print(http, "net_received_packets_total", "counter", "Packets received.", info.received_packets);
    print(http, "net_received_bytes_total", "counter", "Bytes received.", info.received_bytes);
    print(http, "net_sent_packets_total", "counter", "Packets sent.", info.sent_packets);
    print(http, "net_sent_bytes_total", "counter", "Bytes sent, in packets.", info.sent_bytes);
    print(http, "net_dropped_packets_total", "counter", "Packets that nobody got, of both directions.",
          info.dropped_packets);
    print(http, "net_connections", "gauge", "TCP connections, in any state.", info.connections);
    if (info.memory_limit_bytes == 0)
        return; /* the host's sockets: their memory is the host's */
    print(http, "net_memory_bytes", "gauge", "Memory of packets and connections.", info.memory_bytes);
    print(http, "net_memory_limit_bytes", "gauge", "The most that packets and connections may take.",
          info.memory_limit_bytes);
}

fa_err fa_http_metrics(fa_http *http, void *arg, fa_deadline deadline)
{
    fa_http_type(http, "text/plain; version=0.0.4; charset=utf-8");
    print_server(http);
    print_machine(http);
    if (arg != NULL)
        print_net(http, arg);
    return fa_http_end(http, deadline);
}
