/* SPDX-License-Identifier: ISC */
/* The Linux guest's worker: does on port 9 what work/main.c does in ours, the same way as far as Linux has it. Disks are read and
 * written past the page cache; several requests at once are given and taken in batches (io_submit(2)), which is what
 * costs Linux least. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define WORK_PORT 9
#define LINE_BYTES 128
#define SINK_BYTES 65536
#define DEPTH_MAX 32u
#define CALL_BYTES_MAX (1u << 20)
#define DISK "/dev/xvda"

struct job {
    int fd;
    int is_write, is_random;
    unsigned long long call_bytes, depth, count, calls_on_disk;
    unsigned char *memory;
    uint64_t random;
};

static const char *sink(int fd, unsigned long long count, unsigned long long *done_out)
{
    static char bytes[SINK_BYTES];
    while (*done_out < count) {
        const ssize_t got = read(fd, bytes, sizeof bytes);
        if (got <= 0)
            return "the connection ended early";
        *done_out += (unsigned long long)got;
    }
    return NULL;
}

/* Where the next call goes. */
static unsigned long long next_offset(struct job *job, unsigned long long number)
{
    if (!job->is_random)
        return number % job->calls_on_disk * job->call_bytes;
    job->random ^= job->random << 13;
    job->random ^= job->random >> 7;
    job->random ^= job->random << 17;
    return job->random % job->calls_on_disk * job->call_bytes;
}

static const char *one_by_one(struct job *job)
{
    for (unsigned long long i = 0; i < job->count; i++) {
        const off_t at = (off_t)next_offset(job, i);
        const ssize_t done = job->is_write ? pwrite(job->fd, job->memory, job->call_bytes, at)
                                           : pread(job->fd, job->memory, job->call_bytes, at);
        if (done != (ssize_t)job->call_bytes)
            return "the disk failed";
    }
    return NULL;
}

static const char *several(struct job *job)
{
    aio_context_t context = 0;
    struct iocb calls[DEPTH_MAX], *some[DEPTH_MAX];
    struct io_event events[DEPTH_MAX];
    unsigned long long begun = 0, ended = 0;
    unsigned count = 0;
    if (syscall(SYS_io_setup, DEPTH_MAX, &context) != 0)
        return "there is no asynchronous input and output";
    for (unsigned i = 0; i < job->depth; i++)
        some[count++] = &calls[i];
    while (ended < job->count) {
        unsigned give = 0;
        for (; give < count && begun < job->count; give++, begun++) {
            struct iocb *call = some[give];
            memset(call, 0, sizeof *call);
            call->aio_lio_opcode = job->is_write ? IOCB_CMD_PWRITE : IOCB_CMD_PREAD;
            call->aio_fildes = (uint32_t)job->fd;
            call->aio_buf = (uint64_t)(uintptr_t)(job->memory + (size_t)(call - calls) * job->call_bytes);
            call->aio_nbytes = job->call_bytes;
            call->aio_offset = (int64_t)next_offset(job, begun);
        }
        if (give > 0 && syscall(SYS_io_submit, context, (long)give, some) != (long)give)
            return "the disk takes no request";
        const long got = syscall(SYS_io_getevents, context, 1L, (long)DEPTH_MAX, events, NULL);
        if (got <= 0)
            return "the disk does not answer";
        count = 0;
        for (long i = 0; i < got; i++) {
            if (events[i].res != (int64_t)job->call_bytes)
                return "the disk failed";
            some[count++] = (struct iocb *)(uintptr_t)events[i].obj;
        }
        ended += (unsigned long long)got;
    }
    syscall(SYS_io_destroy, context);
    return NULL;
}

static const char *disk(const char *how, struct job job, unsigned long long *done_out)
{
    uint64_t size = 0;
    job.is_write = strcmp(how, "write") == 0 || strcmp(how, "randwrite") == 0;
    job.is_random = strncmp(how, "rand", 4) == 0;
    job.random = 88172645463325252u;
    if (job.call_bytes == 0 || job.call_bytes % 4096 != 0 || job.depth == 0 || job.depth > DEPTH_MAX ||
        job.depth * job.call_bytes > DEPTH_MAX * CALL_BYTES_MAX)
        return "that is too much, or nothing";
    job.fd = open(DISK, O_RDWR | O_DIRECT | O_CLOEXEC);
    if (job.fd < 0 || ioctl(job.fd, BLKGETSIZE64, &size) != 0)
        return "there is no disk";
    job.calls_on_disk = size / job.call_bytes;
    job.memory = mmap(NULL, job.depth * job.call_bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    const char *wrong = job.memory == MAP_FAILED || job.calls_on_disk == 0 ? "no memory, or a small disk"
                        : job.depth == 1                                   ? one_by_one(&job)
                                                                           : several(&job);
    *done_out = job.count * job.call_bytes;
    munmap(job.memory, job.depth * job.call_bytes);
    close(job.fd);
    return wrong;
}

static void serve(int fd)
{
    char line[LINE_BYTES], how[16];
    size_t len = 0;
    struct job job = {0};
    unsigned long long done = 0;
    while (len < sizeof line - 1 && read(fd, line + len, 1) == 1 && line[len++] != '\n') {
    }
    line[len] = '\0';
    const int words = sscanf(line, "%15s %llu %llu %llu", how, &job.call_bytes, &job.depth, &job.count);
    const char *wrong = words == 2 && strcmp(how, "sink") == 0 ? sink(fd, job.call_bytes, &done)
                        : words == 4                           ? disk(how, job, &done)
                                                               : "not a line that is understood";
    dprintf(fd, wrong == NULL ? "done %llu%s\n" : "failed at %llu: %s\n", done, wrong == NULL ? "" : wrong);
}

int main(void)
{
    const struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(WORK_PORT)};
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (const struct sockaddr *)&at, sizeof at) != 0 || listen(listener, 8) != 0)
        return EXIT_FAILURE;
    for (;;) {
        const int fd = accept(listener, NULL, NULL);
        if (fd < 0)
            continue;
        serve(fd);
        close(fd);
    }
}
