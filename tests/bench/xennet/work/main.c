/* SPDX-License-Identifier: ISC */
/* Works on port 9 for what measures it, one connection at a time: reads a line, does what it says, answers "done BYTES" or what was
 * wrong.
 *
 *     sink BYTES                   takes so many bytes that follow
 *     source BYTES                 sends so many
 *     read SIZE DEPTH COUNT        reads the first disk in COUNT calls of SIZE bytes, DEPTH at a time, one after the
 *     write SIZE DEPTH COUNT       other in their places, again from the start at the end
 *     randread, randwrite          the same, at random places
 */
#include <fata/block.h>
#include <fata/fata.h>
#include <fata/net.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

FA_LOG_MODULE("work");

#define WORK_PORT 9
#define LINE_BYTES 128u
#define LIMIT_S 120
#define SINK_BYTES 65536u
#define DEPTH_MAX 32u
#define CALL_BYTES_MAX ((size_t)1 * FA_MIB)
#define MEMORY_BYTES (4 * FA_MIB) /* all calls of one time together */
#define PAGE_BYTES 4096u

struct job {
    fa_block *disk;
    bool is_write, is_random;
    uint64_t call_bytes, depth, count;
    uint64_t begun, call_sectors, calls_on_disk;
    uint64_t random;
    fa_err err;
};

/* One of a job's fibers. */
struct part {
    struct job *job;
    uint8_t *bytes;
};

static _Alignas(PAGE_BYTES) uint8_t memory[MEMORY_BYTES];

/* xorshift64: the same places in every run, and in the Linux guest's. */
static uint64_t next_sector(struct job *job, uint64_t number)
{
    if (!job->is_random)
        return number % job->calls_on_disk * job->call_sectors;
    job->random ^= job->random << 13;
    job->random ^= job->random >> 7;
    job->random ^= job->random << 17;
    return job->random % job->calls_on_disk * job->call_sectors;
}

static void work_on_disk(void *arg)
{
    const struct part *part = arg;
    struct job *job = part->job;
    const size_t len = (size_t)job->call_bytes;
    while (job->begun < job->count && job->err == FA_OK) {
        const uint64_t sector = next_sector(job, job->begun++);
        const fa_err err =
            job->is_write
                ? fa_block_write(job->disk, sector, &(fa_block_from){part->bytes, len}, 1, fa_after_s(LIMIT_S))
                : fa_block_read(job->disk, sector, &(fa_block_into){part->bytes, len}, 1, fa_after_s(LIMIT_S));
        if (err != FA_OK)
            job->err = err;
    }
}

static fa_err run(struct job *job)
{
    fa_block_info info;
    struct part parts[DEPTH_MAX];
    fa_scope scope;
    fa_block_info_get(job->disk, &info);
    job->call_sectors = job->call_bytes / info.sector_bytes;
    job->calls_on_disk = job->call_sectors == 0 ? 0 : info.sector_count / job->call_sectors;
    if (job->calls_on_disk == 0)
        return FA_ERANGE;
    fa_scope_open(&scope);
    for (uint64_t i = 0; i < job->depth && job->err == FA_OK; i++) {
        parts[i] = (struct part){job, memory + i * job->call_bytes};
        const fa_err err = fa_scope_spawn(&scope, "disk", work_on_disk, &parts[i]);
        if (err != FA_OK)
            job->err = err;
    }
    const fa_err err = fa_scope_wait(&scope, fa_after_s(LIMIT_S));
    fa_scope_close(&scope);
    return job->err != FA_OK ? job->err : err;
}

static fa_err disk(const char *how, struct job *job, uint64_t *done_out)
{
    job->is_write = strcmp(how, "write") == 0 || strcmp(how, "randwrite") == 0;
    job->is_random = strncmp(how, "rand", 4) == 0;
    job->random = UINT64_C(88172645463325252);
    if (job->call_bytes == 0 || job->call_bytes % PAGE_BYTES != 0 || job->call_bytes > CALL_BYTES_MAX ||
        job->depth == 0 || job->depth > DEPTH_MAX || job->depth * job->call_bytes > MEMORY_BYTES)
        return FA_EINVAL;
    static fa_block *disk_of_all; /* stays open, as it would in a server */
    fa_err err = disk_of_all != NULL ? FA_OK : fa_block_open(0, &disk_of_all, fa_after_s(5));
    if (err != FA_OK)
        return err;
    job->disk = disk_of_all;
    err = run(job);
    *done_out = job->count * job->call_bytes;
    return err;
}

static fa_err sink(fa_flow *flow, uint64_t count, uint64_t *done_out)
{
    fa_err err = FA_OK;
    while (*done_out < count && err == FA_OK) {
        size_t len;
        err = fa_flow_read(flow, memory, SINK_BYTES, &len, fa_after_s(LIMIT_S));
        if (err == FA_OK && len == 0)
            err = FA_ECLOSED;
        else if (err == FA_OK)
            *done_out += len;
    }
    return err;
}

static fa_err source(fa_flow *flow, uint64_t count, uint64_t *done_out)
{
    fa_err err = FA_OK;
    while (*done_out < count && err == FA_OK) {
        const size_t len = count - *done_out < SINK_BYTES ? (size_t)(count - *done_out) : SINK_BYTES;
        err = fa_flow_write(flow, &(fa_slice){memory, len}, 1, fa_after_s(LIMIT_S));
        *done_out += len;
    }
    return err;
}

static fa_err read_line(fa_flow *flow, char line[LINE_BYTES])
{
    size_t len = 0, got = 1;
    fa_err err = FA_OK;
    while (err == FA_OK && got > 0 && len < LINE_BYTES - 1 && (len == 0 || line[len - 1] != '\n')) {
        err = fa_flow_read(flow, line + len, 1, &got, fa_after_s(LIMIT_S)); /* what follows is not a line's */
        len += err == FA_OK ? got : 0;
    }
    line[len] = '\0';
    return err;
}

static void serve(fa_flow *flow)
{
    char line[LINE_BYTES], how[16];
    uint64_t done = 0;
    struct job job = {0};
    fa_err err = read_line(flow, line);
    if (err != FA_OK)
        return;
    const int words = sscanf(line, "%15s %" SCNu64 " %" SCNu64 " %" SCNu64, how, &job.call_bytes, &job.depth,
                             &job.count);
    if (words == 2 && strcmp(how, "sink") == 0)
        err = sink(flow, job.call_bytes, &done);
    else if (words == 2 && strcmp(how, "source") == 0)
        err = source(flow, job.call_bytes, &done);
    else
        err = words == 4 ? disk(how, &job, &done) : FA_EFORMAT;
    const int len = err == FA_OK ? snprintf(line, sizeof line, "done %" PRIu64 "\n", done)
                                 : snprintf(line, sizeof line, "failed: %s\n", fa_err_text(err));
    err = fa_flow_write(flow, &(fa_slice){line, (size_t)len}, 1, fa_after_s(LIMIT_S));
    if (err != FA_OK)
        fa_log_warn("nobody has heard of the work done: %s", fa_err_text(err));
}

int main(void)
{
    fa_net *net;
    fa_listener *listener;
    fa_err err = fa_net_start(&net, fa_after_s(30));
    if (err == FA_OK)
        err = fa_net_listen(net, WORK_PORT, &listener);
    while (err == FA_OK) {
        fa_flow *flow;
        err = fa_listener_accept(listener, &flow, NULL, FA_FOREVER);
        if (err == FA_OK) {
            serve(flow);
            fa_flow_close(flow);
        }
    }
    fa_log_error("cannot work: %s", fa_err_text(err));
    return EXIT_FAILURE;
}
