/* SPDX-License-Identifier: ISC */
/* Samples the chip's temperature, or a pin, blinks, keeps the samples on the disk and shows them. Where the
 * machine has no sensor, it plays one, and says so. One fiber takes samples, one keeps them, one serves. */
#include "sensor.h"
#include <fata/board.h>
#include <fata/fata.h>
#include <stdlib.h>
#include <string.h>

FA_LOG_MODULE("sensor");
FA_PARAM_UINT(period_ms, "period-ms", 5000, 100, 3600000, "milliseconds from one sample to the next");
FA_PARAM_STRING(pin, "pin", "", "sample this pin, such as PG3, in the place of the temperature");
FA_PARAM_UINT(led, "led", 1, 0, 31, "the LED that blinks");
FA_PARAM_UINT(port, "port", 80, 1, 65535, "the TCP port of the page");
FA_PARAM_UINT(disk, "disk-number", 0, 0, 7, "the disk that keeps the samples");
FA_PARAM_UINT(records, "records", 8192, RING_SLOTS_MIN, RING_SLOTS_MAX, "of a new ring on the disk");
FA_PARAM_UINT(batch, "batch", 1, 1, RING_SAMPLES_MAX, "samples in each record");
FA_PARAM_FLAG(format, "format", "make a ring of what is something else on the disk");

#define DISK_S 30  /* for opening it, looking at it, a write */
#define RETRY_S 30 /* a disk that failed is tried again */
#define FINISH_S 3 /* for what is on its way, when the machine is to stop */
#define REQUESTS_S 6 /* as long as requests have to end: fa_http_serve() */
#define BLINK_MS 50
#define FIRST_TRIES 25u /* for a thermometer's first value, */
#define FIRST_WAIT_MS 200 /* each */
#define STACK_BYTES (24 * FA_KIB)

/* A room's day, in ten minutes, and some noise. */
static int32_t play(void)
{
    const uint32_t cycle_s = 600, at_s = (uint32_t)(fa_clock_mono_ns() / FA_NS_PER_S) % cycle_s;
    const uint32_t from_middle_s = at_s < cycle_s / 2 ? at_s : cycle_s - at_s;
    uint8_t noise = 0;
    if (fa_random_bytes(&noise, sizeof noise) != FA_OK)
        noise = 0;
    return 19000 + (int32_t)(from_middle_s * 16) + noise;
}

static fa_err measure(const sensor *s, int32_t *milli_out)
{
    bool high;
    if (s->kind == SAMPLE_SIMULATED) {
        *milli_out = play();
        return FA_OK;
    }
    if (s->kind == SAMPLE_CHIP)
        return fa_board_temperature(milli_out);
    const fa_err err = fa_board_pin_read(s->pin, true, &high);
    if (err == FA_OK)
        *milli_out = high ? 1000 : 0;
    return err;
}

/* What is sampled. False: what was asked for is not there. */
static bool find_source(sensor *s)
{
    int32_t milli;
    bool high;
    if (s->pin[0] != '\0') {
        const fa_err err = fa_board_pin_read(s->pin, true, &high);
        s->kind = SAMPLE_PIN;
        if (err == FA_ENOTSUP)
            fa_log_error("--pin=%s: this machine has no pins", s->pin);
        else if (err != FA_OK)
            fa_log_error("--pin=%s: there is no such pin; PG3 is the one of port G with the number 3", s->pin);
        return err == FA_OK;
    }
    fa_err err = fa_board_temperature(&milli);
    for (unsigned i = 0; i < FIRST_TRIES && err == FA_EAGAIN; i++)
        err = fa_sleep(fa_after_ms(FIRST_WAIT_MS)) == FA_OK ? fa_board_temperature(&milli) : FA_ECANCELED;
    s->kind = err == FA_ENOTSUP ? SAMPLE_SIMULATED : SAMPLE_CHIP;
    if (err == FA_ENOTSUP)
        fa_log_info("this machine has no thermometer: the samples are simulated");
    else if (err != FA_OK)
        fa_log_warn("the thermometer has no value: %s", fa_err_text(err));
    return true;
}

static void add_point(sensor *s, const sample *taken, uint32_t boot)
{
    s->points[s->end++ % HISTORY_POINTS] = (point){*taken, boot};
}

static void take_samples(void *arg)
{
    sensor *s = arg;
    fa_deadline next = fa_clock_mono_ns();
    while (fa_sleep(next) == FA_OK) {
        const uint64_t mono_ns = fa_clock_mono_ns();
        sample taken = {.wall_ms = fa_clock_wall_ns() / FA_NS_PER_MS, .uptime_s = (uint32_t)(mono_ns / FA_NS_PER_S)};
        fa_board_led((unsigned)led, true);
        const fa_err err = measure(s, &taken.milli);
        if (err != FA_OK && s->measures)
            fa_log_warn("no sample: %s", fa_err_text(err));
        s->measures = err == FA_OK;
        if (err == FA_OK) {
            s->taken++;
            add_point(s, &taken, s->store.ring.boot);
            fa_waitq_wake_all(&s->more);
        } else {
            s->failed++;
        }
        next += s->period_ms * FA_NS_PER_MS;
        if (next < mono_ns) /* it was late by more than a period: no burst */
            next = mono_ns;
        if (fa_sleep(fa_after_ms(BLINK_MS)) != FA_OK)
            break;
        fa_board_led((unsigned)led, false);
    }
    fa_board_led((unsigned)led, false);
}

/* The page begins with what earlier runs have kept. */
static void load(sensor *s)
{
    ring_record *read = malloc(STORE_READ_RECORDS * sizeof *read);
    const uint64_t records_back = HISTORY_POINTS / batch, next = s->store.ring.next;
    uint64_t number = next > records_back ? next - records_back : 1;
    fa_err err = read == NULL ? FA_ENOMEM : FA_OK;
    while (err == FA_OK && number < next) {
        size_t count;
        err = store_read(&s->store, number, read, &count, &number, fa_after_s(DISK_S));
        for (size_t i = 0; i < count && err == FA_OK; i++)
            for (uint32_t k = 0; k < read[i].count && read[i].kind == s->kind; k++)
                add_point(s, &read[i].samples[k], read[i].boot);
    }
    if (err != FA_OK)
        fa_log_warn("earlier samples cannot be read: %s", fa_err_text(err));
    s->kept = s->end;
    free(read);
}

static void open_store(sensor *s)
{
    static char said[STORE_WHY_BYTES];
    const fa_err err = store_open(&s->store, fa_after_s(DISK_S));
    if (err == FA_OK) {
        fa_log_info("samples are kept on disk %u: %llu records so far, room for %lu", (unsigned)disk,
                    (unsigned long long)(s->store.ring.next - 1), (unsigned long)s->store.ring.slots);
        said[0] = '\0';
        if (s->end == 0)
            load(s);
    } else if (err != FA_ECANCELED && strcmp(said, s->store.why) != 0) {
        fa_log_warn("samples are in memory only: %s", s->store.why);
        memcpy(said, s->store.why, sizeof said);
    }
}

/* The next record. Points that are gone from memory before they were kept are lost. */
static fa_err keep_one(sensor *s, fa_deadline deadline)
{
    sample samples[RING_SAMPLES_MAX];
    if (s->end - s->kept > HISTORY_POINTS) {
        s->lost += s->end - s->kept - HISTORY_POINTS;
        s->kept = s->end - HISTORY_POINTS;
    }
    const uint64_t left = s->end - s->kept;
    const uint32_t count = (uint32_t)(left < batch ? left : batch);
    for (uint32_t i = 0; i < count; i++)
        samples[i] = s->points[(s->kept + i) % HISTORY_POINTS].sample;
    const fa_err err = store_append(&s->store, s->kind, samples, count, deadline);
    if (err == FA_OK)
        s->kept += count;
    else if (err != FA_ECANCELED)
        fa_log_warn("samples are in memory only: %s; the next try is in %u s", s->store.why, RETRY_S);
    return err;
}

/* Until all is kept, when no more points come. */
static void keep_samples(void *arg)
{
    sensor *s = arg;
    for (fa_err err = FA_OK; err != FA_ECANCELED;) {
        if (s->ends && (s->store.disk == NULL || s->end == s->kept))
            return;
        if (s->store.disk == NULL) {
            err = fa_sleep(fa_after_s(RETRY_S));
            if (err == FA_OK)
                open_store(s);
        } else if (s->end - s->kept < batch && !s->ends) {
            err = fa_waitq_wait(&s->more, FA_FOREVER);
        } else {
            err = keep_one(s, fa_after_s(DISK_S));
        }
    }
}

/* The keeper is not canceled while it writes: that would give the disk up, and with it what is left. */
static void keep_the_rest(sensor *s, fa_scope *keeping)
{
    s->ends = true;
    fa_waitq_wake_all(&s->more);
    if (s->store.disk != NULL && fa_scope_wait(keeping, fa_after_s(FINISH_S)) != FA_OK)
        fa_log_warn("not all samples were kept in time");
}

static void serve(void *arg)
{
    sensor *s = arg;
    fa_listener *listener;
    fa_err err = fa_net_start(&s->net, fa_after_s(30));
    if (err == FA_ETIMEDOUT)
        fa_log_warn("no address yet: the page is there when the network is");
    else if (err != FA_OK)
        fa_log_warn("there is no page: %s", err == FA_ENOENT ? "this machine has no network" : fa_err_text(err));
    if (err != FA_OK && err != FA_ETIMEDOUT)
        return;
    const fa_http_route routes[] = {
        {"GET", "/metrics", page_metrics, s},
        {"GET", "/samples.csv", page_csv, s},
        {"GET", "/index.html", page_html, s},
        {"GET", "/style.css", fa_http_site, NULL},
        {"GET", "/", page_html, s},
    };
    const fa_http_options options = {.routes = routes, .route_count = FA_ARRAY_COUNT(routes)};
    err = fa_net_listen(s->net, (uint16_t)port, &listener);
    if (err == FA_OK) {
        fa_log_info("serving on port %u", fa_listener_port(listener));
        err = fa_http_serve(listener, &options, FA_FOREVER); /* until the machine is to stop */
    }
    if (err != FA_OK && err != FA_ECANCELED)
        fa_log_error("cannot serve: %s", fa_err_text(err));
    else if (err == FA_OK && fa_net_finish(s->net, fa_after_s(FINISH_S)) != FA_OK)
        fa_log_warn("not all of what was sent has arrived");
}

int main(void)
{
    static sensor s;
    fa_scope web, keeping, sampling; /* which end in the other order */
    s.pin = pin;
    s.period_ms = period_ms;
    s.measures = true;
    s.store.options = (store_options){(unsigned)disk, (uint32_t)records, format};
    if (!find_source(&s))
        return EXIT_FAILURE;
    open_store(&s);
    fa_scope_open(&web);
    fa_scope_open(&keeping);
    fa_scope_open(&sampling);
    const fa_fiber_options keeper = {"keeper", STACK_BYTES}, server = {"server", STACK_BYTES};
    fa_err err = fa_scope_spawn(&sampling, "sampler", take_samples, &s);
    if (err == FA_OK)
        err = fa_scope_spawn_with(&keeping, &keeper, keep_samples, &s);
    if (err == FA_OK)
        err = fa_scope_spawn_with(&web, &server, serve, &s);
    if (err == FA_OK)
        err = fa_stop_wait(NULL, FA_FOREVER);
    const fa_deadline answered_by = fa_after_s(REQUESTS_S + FINISH_S);
    fa_scope_close(&sampling);
    keep_the_rest(&s, &keeping); /* first: the machine does not wait for as long as some requests take */
    fa_scope_close(&keeping);
    if (err == FA_OK && fa_scope_wait(&web, answered_by) != FA_OK)
        fa_log_warn("some requests were not answered in time");
    fa_scope_close(&web);
    if (s.store.disk != NULL)
        store_close(&s.store, fa_after_s(FINISH_S));
    fa_log_info("%llu samples taken, %llu kept", (unsigned long long)s.taken, (unsigned long long)s.store.samples);
    if (err != FA_OK)
        fa_log_error("cannot run: %s", fa_err_text(err));
    return err == FA_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
