/* SPDX-License-Identifier: ISC */
/* A file as a disk: what is no disk is refused, and what the host says of an error comes through. */
#include "../../sdk/drivers/host/disk.h"
#include "host.h"
#include "test.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define BYTES ((off_t)1 << 20)

/* The host may do less of a call than all: here it does so each time. */
#define SHORT_BYTES ((size_t)700)
ssize_t __wrap_preadv(int file, const struct iovec *pieces, int count, off_t at);
ssize_t __wrap_pwritev(int file, const struct iovec *pieces, int count, off_t at);

static size_t shorter(size_t len)
{
    return len < SHORT_BYTES ? len : SHORT_BYTES;
}

ssize_t __wrap_preadv(int file, const struct iovec *pieces, int count, off_t at)
{
    assert_in_range(count, 1, FA_BLOCK_PARTS_MAX);
    return pread(file, pieces->iov_base, shorter(pieces->iov_len), at);
}

ssize_t __wrap_pwritev(int file, const struct iovec *pieces, int count, off_t at)
{
    assert_in_range(count, 1, FA_BLOCK_PARTS_MAX);
    return pwrite(file, pieces->iov_base, shorter(pieces->iov_len), at);
}

static char folder[] = "/tmp/fata-disk.XXXXXX";
static char path[sizeof folder + 16];
static fa_disk disk;
static uint8_t memory[4096];
static bool is_done;

static int setup(void **state)
{
    (void)state;
    const int file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    disk = (fa_disk){0};
    for (size_t i = 0; i < sizeof memory; i++)
        memory[i] = (uint8_t)(i / 256 * 7 + i);
    const bool ok = file >= 0 && ftruncate(file, BYTES) == 0;
    close(file);
    return ok ? 0 : -1;
}

static void done(fa_block_request *request)
{
    (void)request;
    is_done = true;
}

static fa_err ask(fa_block_kind kind, uint64_t sector, uint32_t count, uint8_t *bytes)
{
    fa_block_request request = {.kind = kind, .sector = sector, .count = count, .done = done};
    if (bytes != NULL) { /* in two parts */
        request.part_count = 2;
        request.parts[0] = (fa_block_part){bytes, 512};
        request.parts[1] = (fa_block_part){bytes + 512, (count - 1) * 512};
    }
    is_done = false;
    const fa_err err = disk.device.ops->submit(&disk.device, &request);
    assert_true(is_done == (err == FA_OK));
    return err == FA_OK ? request.err : err;
}

static void refused(void **state)
{
    (void)state;
    fa_disk other = {0};
    assert_int_equal(fa_disk_open(&disk, "/nonexistent/disk", false), FA_ENOENT);
    assert_int_equal(fa_disk_open(&disk, "/dev/null", false), FA_ENOTSUP);
    assert_int_equal(fa_disk_open(&disk, folder, true), FA_ENOTSUP);
    assert_int_equal(truncate(path, 1000), 0);
    assert_int_equal(fa_disk_open(&disk, path, false), FA_ENOTSUP);
    assert_int_equal(truncate(path, 0), 0);
    assert_int_equal(fa_disk_open(&disk, path, false), FA_ENOTSUP);
    assert_int_equal(truncate(path, BYTES), 0);
    assert_int_equal(fa_disk_open(&disk, path, false), FA_OK);
    assert_int_equal(fa_disk_open(&disk, path, false), FA_EBUSY);
    assert_int_equal(fa_disk_open(&other, path, false), FA_EBUSY);
    assert_int_equal(fa_disk_open(&other, path, true), FA_EBUSY);
    disk.device.ops->close(&disk.device);
    assert_int_equal(fa_disk_open(&disk, path, true), FA_OK);
    assert_int_equal(fa_disk_open(&other, path, true), FA_OK);
    assert_true(disk.device.read_only);
    other.device.ops->close(&other.device);
    disk.device.ops->close(&disk.device);
}

static void carries_out(void **state)
{
    (void)state;
    uint8_t back[4096] = {0};
    struct stat before, after;
    assert_int_equal(fa_disk_open(&disk, path, false), FA_OK);
    assert_int_equal(disk.device.sector_count, BYTES / 512);
    assert_int_equal(ask(FA_BLOCK_WRITE, 8, 8, memory), FA_OK);
    assert_int_equal(ask(FA_BLOCK_FLUSH, 0, 0, NULL), FA_OK);
    assert_int_equal(ask(FA_BLOCK_READ, 8, 8, back), FA_OK);
    assert_memory_equal(back, memory, sizeof back);
    const int file = open(path, O_RDONLY);
    memset(back, 0, sizeof back);
    assert_int_equal(pread(file, back, sizeof back, 4096), sizeof back);
    assert_memory_equal(back, memory, sizeof back);
    assert_int_equal(fstat(file, &before), 0);
    assert_int_equal(ask(FA_BLOCK_DISCARD, 8, 8, NULL), FA_OK);
    assert_int_equal(fstat(file, &after), 0);
    assert_true(after.st_size == BYTES && after.st_blocks < before.st_blocks);
    close(file);
    disk.device.ops->stop(&disk.device);
    assert_int_equal(ask(FA_BLOCK_FLUSH, 0, 0, NULL), FA_EIO);
    disk.device.ops->close(&disk.device);
}

static void errors(void **state)
{
    (void)state;
    struct rlimit limit;
    assert_int_equal(fa_disk_open(&disk, path, false), FA_OK);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    const struct rlimit small = {BYTES / 2, limit.rlim_max};
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    const fa_err err = ask(FA_BLOCK_WRITE, BYTES / 1024 - 4, 8, memory); /* half of it */
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_equal(err, FA_ENOSPC);
    assert_int_equal(truncate(path, 4096 + 512), 0);
    assert_int_equal(ask(FA_BLOCK_READ, 8, 8, memory), FA_EIO);
    disk.device.ops->close(&disk.device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(refused, setup),
        cmocka_unit_test_setup(carries_out, setup),
        cmocka_unit_test_setup(errors, setup),
    };
    if (mkdtemp(folder) == NULL)
        return 1;
    snprintf(path, sizeof path, "%s/disk", folder);
    const int failed = cmocka_run_group_tests_name("disk", tests, NULL, NULL);
    (void)unlink(path);
    (void)rmdir(folder);
    return failed;
}
