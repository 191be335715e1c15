/* SPDX-License-Identifier: ISC */
/* Partitions by the table in a disk's first sector, as SD cards and PCs' disks have it (UEFI
 * specification 2.10, 5.2.1: legacy MBR). Its numbers count the disk's own sectors. */
#include <fata/block.h>
#include <fata/bytes.h>
#include <fata/panic.h>
#include <string.h>

#define PARTITION_COUNT 4

struct partition {
    uint8_t status, first[3], type, last[3];
    fa_le32 start, count;
};

struct mbr {
    uint8_t code[446];
    struct partition partitions[PARTITION_COUNT];
    uint8_t signature[2];
};
_Static_assert(sizeof(struct mbr) == 512, "an MBR has 512 bytes");

fa_err fa_block_find_partition(fa_block *block, uint8_t type, uint64_t *sector_out,
                               uint64_t *count_out, fa_deadline deadline)
{
    static const uint8_t signature[2] = {0x55, 0xaa};
    union {
        uint8_t bytes[4096];
        struct mbr mbr;
    } first; /* sector */
    fa_block_info info;
    fa_block_info_get(block, &info);
    fa_assert(info.sector_bytes <= sizeof first);
    const fa_err err =
        fa_block_read(block, 0, &(fa_block_into){first.bytes, info.sector_bytes}, 1, deadline);
    if (err != FA_OK)
        return err;
    if (memcmp(first.mbr.signature, signature, sizeof signature) != 0)
        return FA_ENOENT;
    for (unsigned i = 0; i < PARTITION_COUNT; i++) {
        const struct partition *found = &first.mbr.partitions[i];
        const uint64_t start = fa_le32_get(found->start), count = fa_le32_get(found->count);
        if (found->type != type || type == 0) /* 0: the entry is free */
            continue;
        if (start == 0 || count == 0 || start > info.sector_count ||
            count > info.sector_count - start)
            return FA_EFORMAT;
        *sector_out = start;
        *count_out = count;
        return FA_OK;
    }
    return FA_ENOENT;
}
