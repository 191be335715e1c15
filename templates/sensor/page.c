/* SPDX-License-Identifier: ISC */
/* What the sensor shows: a page with a graph, figures for Prometheus, all samples as a table. */
#include "sensor.h"
#include <fata/clock.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* The graph's inner part, in the units of its viewBox. */
#define GRAPH_WIDTH 720
#define GRAPH_HEIGHT 220
#define SPAN_MILLI_MIN 2000 /* so that noise does not look like weather */
#define REFRESH_S_MIN 5u
#define TEXT_BYTES 48u
#define NUMBER_BYTES 24u

typedef unsigned long long figure;

static const char *const sources[SAMPLE_KINDS] = {"chip", "simulated", "pin"};

static size_t point_count(const sensor *s)
{
    return s->end < HISTORY_POINTS ? (size_t)s->end : HISTORY_POINTS;
}

/* Number 0 is the oldest. */
static const point *point_at(const sensor *s, size_t number)
{
    return &s->points[(s->end - point_count(s) + number) % HISTORY_POINTS];
}

/* "-3.25", with so many digits. */
static const char *decimal(int32_t milli, unsigned digits, char text_out[NUMBER_BYTES])
{
    const uint32_t size = milli < 0 ? 0u - (uint32_t)milli : (uint32_t)milli;
    const uint32_t rest = size % 1000 / (digits == 1 ? 100 : digits == 2 ? 10 : 1);
    snprintf(text_out, NUMBER_BYTES, "%s%lu.%0*lu", milli < 0 ? "-" : "", (unsigned long)(size / 1000), (int)digits,
             (unsigned long)rest);
    return text_out;
}

static const char *reading(const sensor *s, int32_t milli, char text_out[TEXT_BYTES])
{
    if (s->kind == SAMPLE_PIN)
        return milli > 0 ? "high" : "low";
    char number[NUMBER_BYTES];
    snprintf(text_out, TEXT_BYTES, "%s °C", decimal(milli, 1, number));
    return text_out;
}

/* Without a clock, seconds are those of the run that took it. */
static const char *moment(const sensor *s, const point *at, char text_out[TEXT_BYTES])
{
    const sample *taken = &at->sample;
    const time_t wall_s = (time_t)(taken->wall_ms / 1000);
    const struct tm *utc = gmtime(&wall_s);
    if ((taken->wall_ms == 0 || utc == NULL) && at->boot != 0 && at->boot != s->store.ring.boot)
        snprintf(text_out, TEXT_BYTES, "%lu s after the start of run %lu", (unsigned long)taken->uptime_s, (unsigned long)at->boot);
    else if (taken->wall_ms == 0 || utc == NULL)
        snprintf(text_out, TEXT_BYTES, "%lu s after the start", (unsigned long)taken->uptime_s);
    else
        snprintf(text_out, TEXT_BYTES, "%04d-%02d-%02d %02d:%02d:%02d UTC", utc->tm_year + 1900, utc->tm_mon + 1,
                 utc->tm_mday, utc->tm_hour, utc->tm_min, utc->tm_sec);
    return text_out;
}

static void print_graph(fa_http *http, const sensor *s)
{
    const size_t count = point_count(s);
    int32_t low = point_at(s, 0)->sample.milli, high = low;
    char text[TEXT_BYTES];
    for (size_t i = 1; i < count; i++) {
        const int32_t milli = point_at(s, i)->sample.milli;
        low = milli < low ? milli : low;
        high = milli > high ? milli : high;
    }
    int64_t span = (int64_t)high - low, bottom = low;
    if (span < SPAN_MILLI_MIN) {
        bottom -= (SPAN_MILLI_MIN - span) / 2;
        span = SPAN_MILLI_MIN;
    }
    fa_http_printf(http, "<figure><svg viewBox=\"-4 -12 %d %d\" role=\"img\" aria-label=\"the last %zu samples\">", GRAPH_WIDTH + 8,
                   GRAPH_HEIGHT + 24, count);
    fa_http_printf(http, "<g class=\"grid\"><path d=\"M0 0H%d M0 %dH%d M0 %dH%d\"/></g>", GRAPH_WIDTH, GRAPH_HEIGHT / 2,
                   GRAPH_WIDTH, GRAPH_HEIGHT, GRAPH_WIDTH);
    /* One line for each run of the program: between them nobody looked. */
    fa_http_printf(http, "<path class=\"line\" d=\"");
    for (size_t i = 0; i < count; i++) {
        const point *at = point_at(s, i);
        const bool begins = i == 0 || point_at(s, i - 1)->boot != at->boot;
        fa_http_printf(http, "%c%d %d", begins ? 'M' : 'L', (int)(count < 2 ? 0 : i * GRAPH_WIDTH / (count - 1)),
                       (int)(GRAPH_HEIGHT - ((int64_t)at->sample.milli - bottom) * GRAPH_HEIGHT / span));
        if (begins) /* so that one alone is a dot */
            fa_http_printf(http, "h0");
    }
    fa_http_printf(http, "\"/></svg>\n<figcaption><span>%s", moment(s, point_at(s, 0), text));
    fa_http_printf(http, "</span> <span>lowest %s", reading(s, low, text));
    fa_http_printf(http, ", highest %s</span> <span>now</span></figcaption></figure>\n", reading(s, high, text));
}

static void print_row(fa_http *http, const char *name, const char *value)
{
    fa_http_printf(http, "<dt>%s</dt><dd>%s</dd>\n", name, value);
}

static void print_table(fa_http *http, const sensor *s)
{
    const sample_store *store = &s->store;
    char text[STORE_WHY_BYTES + 64];
    fa_http_printf(http, "<dl>\n");
    snprintf(text, sizeof text, "every %llu.%03u s: %llu so far, %llu failed", (figure)(s->period_ms / 1000),
             (unsigned)(s->period_ms % 1000), (figure)s->taken, (figure)s->failed);
    print_row(http, "Samples", text);
    if (store->is_open)
        snprintf(text, sizeof text, "%llu of this run kept; record %llu, in a ring of %lu", (figure)store->samples,
                 (figure)(store->ring.next - 1), (unsigned long)store->ring.slots);
    else
        snprintf(text, sizeof text, "in memory only: %s", store->why);
    print_row(http, "Disk", text);
    const figure up_s = fa_clock_mono_ns() / FA_NS_PER_S;
    if (store->ring.boot > 0)
        snprintf(text, sizeof text, "%llu s, run %lu of this disk", up_s, (unsigned long)store->ring.boot);
    else
        snprintf(text, sizeof text, "%llu s", up_s);
    print_row(http, "Running for", text);
    fa_http_printf(http, "</dl>\n");
}

fa_err page_html(fa_http *http, void *arg, fa_deadline deadline)
{
    const sensor *s = arg;
    char text[TEXT_BYTES];
    const uint64_t period_s = s->period_ms / 1000;
    if (http->path[1] != '\0' && strcmp(http->path, "/index.html") != 0)
        return FA_ENOENT;
    fa_http_field_add(http, "Cache-Control", "no-store");
    fa_http_printf(http, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Sensor</title>\n"
                         "<meta name=\"viewport\" content=\"width=device-width\">\n"
                         "<meta http-equiv=\"refresh\" content=\"%llu\">\n"
                         "<link rel=\"stylesheet\" href=\"/style.css\"></head>\n<body><main>\n",
                   (figure)(period_s < REFRESH_S_MIN ? REFRESH_S_MIN : period_s));
    if (s->kind == SAMPLE_PIN)
        fa_http_printf(http, "<h1>Pin %s</h1>\n", s->pin);
    else
        fa_http_printf(http, "<h1>%s</h1>\n", s->kind == SAMPLE_CHIP ? "Temperature of the chip" : "Temperature");
    if (s->kind == SAMPLE_SIMULATED)
        fa_http_printf(http, "<p class=\"note\">Simulated: this machine has no thermometer.</p>\n");
    if (s->end == 0) {
        fa_http_printf(http, "<p class=\"now\">–</p><p>There is no sample yet.</p>\n");
    } else {
        const point *last = point_at(s, point_count(s) - 1);
        fa_http_printf(http, "<p class=\"now\">%s</p>\n", reading(s, last->sample.milli, text));
        fa_http_printf(http, "<p class=\"when\">%s%s</p>\n", moment(s, last, text),
                       s->measures ? "" : "; since then the sensor has failed");
        print_graph(http, s);
    }
    print_table(http, s);
    fa_http_printf(http, "<p><a href=\"/samples.csv\">All samples</a> <a href=\"/metrics\">Metrics</a></p>\n</main></body></html>\n");
    return fa_http_end(http, deadline);
}

static void print_metric(fa_http *http, const char *name, const char *kind, const char *help, figure value)
{
    fa_http_printf(http, "# HELP sensor_%s %s\n# TYPE sensor_%s %s\nsensor_%s %llu\n", name, help, name, kind, name, value);
}

fa_err page_metrics(fa_http *http, void *arg, fa_deadline deadline)
{
    const sensor *s = arg;
    const sample_store *store = &s->store;
    char number[NUMBER_BYTES];
    if (s->taken > 0 && s->measures) {
        const int32_t milli = point_at(s, point_count(s) - 1)->sample.milli;
        if (s->kind == SAMPLE_PIN)
            fa_http_printf(http, "# HELP sensor_pin_level The pin's level, 1 for high.\n# TYPE sensor_pin_level gauge\n"
                                 "sensor_pin_level{pin=\"%s\"} %d\n", s->pin, milli > 0);
        else
            fa_http_printf(http, "# HELP sensor_temperature_celsius The last sample.\n# TYPE sensor_temperature_celsius gauge\n"
                                 "sensor_temperature_celsius{source=\"%s\"} %s\n", sources[s->kind], decimal(milli, 3, number));
    }
    print_metric(http, "samples_total", "counter", "Samples taken since the boot.", s->taken);
    print_metric(http, "failed_samples_total", "counter", "Measurements that failed.", s->failed);
    print_metric(http, "kept_samples_total", "counter", "Samples that were written to the disk.", store->samples);
    print_metric(http, "lost_samples_total", "counter", "Samples that were pushed out of memory before they were written.", s->lost);
    print_metric(http, "disk_up", "gauge", "1 while samples are kept on a disk, 0 while they are in memory only.", store->is_open);
    print_metric(http, "disk_write_errors_total", "counter", "Writes to the disk that failed.", store->failures);
    if (store->is_open)
        print_metric(http, "disk_records", "gauge", "Records that the ring on the disk has room for.", store->ring.slots);
    return fa_http_metrics(http, s->net, deadline);
}

/* One line. */
static fa_err write_line(fa_http *http, uint64_t number, uint32_t boot, const char *source, const sample *taken,
                         fa_deadline deadline)
{
    char line[128], value[NUMBER_BYTES];
    const int len = snprintf(line, sizeof line, "%llu,%lu,%lu,%llu.%03u,%s,%s\n", (figure)number, (unsigned long)boot,
                             (unsigned long)taken->uptime_s, (figure)(taken->wall_ms / 1000),
                             (unsigned)(taken->wall_ms % 1000), source, decimal(taken->milli, 3, value));
    return fa_http_write(http, line, (size_t)len, deadline);
}

/* What is on the disk, or else in memory. */
fa_err page_csv(fa_http *http, void *arg, fa_deadline deadline)
{
    static const char head[] = "record,run,uptime_s,time_s,source,value\n";
    sensor *s = arg;
    ring_record *records = fa_arena_alloc(http->arena, STORE_READ_RECORDS * sizeof *records);
    fa_http_type(http, "text/csv; charset=utf-8");
    fa_http_field_add(http, "Cache-Control", "no-store");
    if (records == NULL)
        return FA_ENOMEM;
    fa_err err = fa_http_write(http, head, sizeof head - 1, deadline);
    if (!s->store.is_open) {
        for (size_t i = 0; i < point_count(s) && err == FA_OK; i++)
            err = write_line(http, 0, point_at(s, i)->boot, sources[s->kind], &point_at(s, i)->sample, deadline);
        return err;
    }
    for (uint64_t number = 1; err == FA_OK && number < s->store.ring.next;) {
        size_t count = 0;
        err = store_read(&s->store, number, records, &count, &number, deadline);
        for (size_t i = 0; i < count; i++)
            for (uint32_t k = 0; k < records[i].count && err == FA_OK; k++)
                err = write_line(http, records[i].number, records[i].boot, sources[records[i].kind],
                                 &records[i].samples[k], deadline);
    }
    return err;
}
