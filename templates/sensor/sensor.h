/* SPDX-License-Identifier: ISC */
/* What the parts of the program share: main.c samples and keeps, page.c shows. */
#ifndef SENSOR_H
#define SENSOR_H

#include "store.h"
#include <fata/http.h>

#define HISTORY_POINTS 360u /* in memory, and on the page */

typedef struct point {
    sample sample;
    uint32_t boot; /* of the run that took it */
} point;

typedef struct sensor {
    sample_kind kind;
    const char *pin; /* of SAMPLE_PIN */
    uint64_t period_ms;
    point points[HISTORY_POINTS];
    uint64_t end;   /* so many points were ever put in: number N is at N % HISTORY_POINTS */
    uint64_t kept;  /* those before this one are on the disk, or will never be */
    uint64_t taken, failed, lost; /* in this run: samples, measurements that failed, samples that were never kept */
    bool measures; /* the last measurement did not fail */
    sample_store store;
    bool ends;     /* no more points come: what is there is kept, whether it fills a record or not */
    fa_waitq more; /* points, or their end */
    fa_net *net;
} sensor;

/* The page, the figures for Prometheus, and all samples as a table; `arg` is the sensor. */
fa_http_handler page_html, page_metrics, page_csv;

#endif
