/* SPDX-License-Identifier: ISC */
/* Block devices: disks of numbered sectors, of 512 or 4,096 bytes each. Below lie the machine's
 * drivers (sdk/block/blockdev.h says what one is); above are stores and applications. There is no
 * cache and no file system here: what is read is what the device has.
 *
 *     fa_block *disk;
 *     err = fa_block_open(0, &disk, fa_after_s(5));
 *     err = fa_block_write(disk, 8, &(fa_block_from){bytes, 4096}, 1, fa_after_s(10));
 *     err = fa_block_flush(disk, fa_after_s(10));                     // now it is durable
 *     err = fa_block_read(disk, 8, &(fa_block_into){bytes, 4096}, 1, fa_after_s(10));
 *     fa_block_close(disk);
 *
 * Durability. A write that has returned FA_OK is seen by every read that begins later, and is safe
 * from a crash of the program; from a loss of power once a flush that began later has returned
 * FA_OK. Until then any part of it may be lost, in units of sectors, and writes may become durable
 * in any order. What a flush is for that fails is not known to be on the disk, even if the next one
 * succeeds: write it again. After an error a write may have been done in part.
 *
 * Order. Calls of several fibers at the same time are done in any order: who needs one waits for the
 * first call before the second. A flush is for the writes that had returned when it began.
 *
 * Devices that come and go. A device of Xen may be taken away and come back, also because the machine
 * was suspended: info.present says so. Calls wait for it as long as their deadlines allow, then fail
 * with FA_ECLOSED. What it had not answered is done again by the device that comes back, from the
 * beginning, a flush too, which then is for all writes that had returned. What it had answered is not:
 * whoever holds the disk must keep it while the device is away, as Linux's back end does. Nothing is
 * begun before the device that was there has let go of all that it was asked, so that no old write
 * comes after a new one. A device of another kind that is taken away fails all calls with FA_ECLOSED
 * at once.
 *
 * Time. The deadline is for what has not begun: what the device has been given is waited for, past
 * the deadline and past a cancellation, since until then the memory is the device's. When such a
 * call returns, it says what the device said. A large call is done in several requests, some of them
 * at the same time. A device that has not answered a request for FA_BLOCK_HUNG_NS, or that breaks its
 * rules, is stopped, which takes all memory back: every call fails with FA_EIO from then on, until the
 * device is closed and opened again. So no device writes to memory after the call for it has returned.
 *
 * Memory. Buffers may be any memory. One that begins at a multiple of info.align_bytes, and is no
 * part of a fiber's stack, is handed to the device itself; others are copied, FA_BLOCK_BOUNCE_BYTES
 * at a time, by one call at a time. Until the call returns, no one else may use them. */
#ifndef FATA_BLOCK_H
#define FATA_BLOCK_H

#include <fata/clock.h>
#include <fata/err.h>

#define FA_BLOCK_HUNG_NS (30 * FA_NS_PER_S)
#define FA_BLOCK_BOUNCE_BYTES (16 * FA_KIB)

typedef struct fa_block fa_block;

/* A piece of memory; `len` is a multiple of the sector's size. */
typedef struct fa_block_from {
    const void *bytes;
    size_t len;
} fa_block_from;
typedef struct fa_block_into {
    void *bytes;
    size_t len;
} fa_block_into;

typedef struct fa_block_info {
    const char *device;    /* its kind, such as "virtio-blk" */
    uint32_t sector_bytes; /* 512 or 4,096 */
    uint32_t physical_bytes; /* of the sectors inside, as far as known: whole ones are written best */
    uint32_t align_bytes;  /* of buffers that are not copied */
    uint64_t sector_count;
    bool read_only;
    bool present;      /* false: it was taken away, and may come back */
    bool can_discard;
    bool needs_flush;  /* false: each write is durable when it returns */
    uint32_t changes;  /* so many times one of size, presence and right to write has changed */
    uint64_t read_sectors, written_sectors, copied_sectors;
    uint64_t error_count;
    uint64_t error_sector; /* where the last request that failed began */
} fa_block_info;

/* The machine's disk number `number`, the first being 0, for this caller alone; waits until it is
 * present. FA_ENOENT: no such disk; FA_EBUSY: it is open; FA_ENOTSUP: it is there and cannot be used;
 * FA_EIO: it does not answer; FA_ENOMEM, FA_ETIMEDOUT, FA_ECANCELED. */
FA_MUST_CHECK fa_err fa_block_open(unsigned number, fa_block **block_out, fa_deadline deadline);
/* A disk in memory of its own, for tests and for what may be forgotten: `bytes` is a multiple of 512.
 * FA_ENOMEM, FA_EINVAL. */
FA_MUST_CHECK fa_err fa_block_open_ram(size_t bytes, fa_block **block_out);
/* No call may be under way (asserted). It does not flush. */
void fa_block_close(fa_block *block);

void fa_block_info_get(const fa_block *block, fa_block_info *info_out);
/* Waits until info.changes is another number than `seen`. */
FA_MUST_CHECK fa_err fa_block_wait_change(fa_block *block, uint32_t seen, fa_deadline deadline);

/* All sectors of all pieces, from number `sector` on. FA_EINVAL: a piece is no whole number of
 * sectors; FA_ERANGE: past the end, and nothing was done; FA_EPERM: a write to a read-only disk;
 * FA_ENOSPC: what holds the disk is full; FA_EIO: the device failed; FA_ECLOSED: it was taken away,
 * and did not come back in time; FA_ENOMEM; FA_ETIMEDOUT, FA_ECANCELED: some of it was not begun. */
FA_MUST_CHECK fa_err fa_block_read(fa_block *block, uint64_t sector, const fa_block_into *pieces,
                                   size_t count, fa_deadline deadline);
FA_MUST_CHECK fa_err fa_block_write(fa_block *block, uint64_t sector, const fa_block_from *pieces,
                                    size_t count, fa_deadline deadline);
/* Errors as of a write. */
FA_MUST_CHECK fa_err fa_block_flush(fa_block *block, fa_deadline deadline);
/* Nobody needs these sectors any more: what they hold is undefined until they are written. FA_ENOTSUP:
 * the device cannot; otherwise errors as of a write. */
FA_MUST_CHECK fa_err fa_block_discard(fa_block *block, uint64_t sector, uint64_t count,
                                      fa_deadline deadline);

/* Where the first partition of a type lies on a disk that has a table of them (MBR), as an SD card has:
 * sectors `sector_out` to `sector_out + count_out - 1` of the disk. FA_BLOCK_DATA is what CARD_DATA in
 * a project's Makefile makes: whatever stands there is the program's. What a card is made of leaves
 * it alone, so that it may hold anything at first. Uses 4 KiB of stack. FA_ENOENT: there is no table,
 * or none of that type in it; FA_EFORMAT: it does not lie on the disk; otherwise errors as of a read. */
#define FA_BLOCK_DATA 0xda
FA_MUST_CHECK fa_err fa_block_find_partition(fa_block *block, uint8_t type, uint64_t *sector_out,
                                             uint64_t *count_out, fa_deadline deadline);

#endif
