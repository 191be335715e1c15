/* SPDX-License-Identifier: ISC */
/* DMA against a device that nobody here has written: QEMU's firmware configuration. What it writes
 * into mapped buffers must be what it says by its data register, byte for byte. `--mode=forget`
 * looks into a buffer before the unmap; `--mode=refused` maps what cannot be; `--mode=shared` is about
 * memory that both use at any time. main returns how many parts failed. */
#include "fw_cfg.h"
#include "sdk/cpu/dma.h"
#include <fata/fata.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

FA_PARAM_STRING(mode, "mode", "read", "read, forget, refused or shared");

#define ITEM_BYTES_MAX (256 * FA_KIB) /* larger items are left alone */
/* At least that much is read, so that several pages are written: behind their ends items are 0. */
#define READ_BYTES_MIN (12 * FA_KIB + 4)

static unsigned failed;

static void check(bool ok, const char *what)
{
    printf("%s - %s\n", ok ? "ok" : "not ok", what);
    failed += !ok;
}

static size_t round_up(size_t len)
{
    return (len + PLAT_DMA_ALIGN_BYTES - 1) / PLAT_DMA_ALIGN_BYTES * PLAT_DMA_ALIGN_BYTES;
}

/* Memory that a device may write; ends the program when there is none. */
static void *new_buffer(size_t len)
{
    void *buffer = aligned_alloc(PLAT_DMA_ALIGN_BYTES, round_up(len));
    if (buffer == NULL)
        fa_panic("no memory");
    memset(buffer, 0x55, round_up(len));
    return buffer;
}

static plat_dma_addr map(void *buffer, size_t len, plat_dma_direction direction)
{
    plat_dma_addr addr;
    const fa_err err = plat_dma_map(buffer, len, direction, PLAT_DMA_INCOHERENT, &addr);
    if (err != FA_OK)
        fa_panic("cannot map %zu bytes at %p: %s", len, buffer, fa_err_text(err));
    return addr;
}

/* Has the device write the first `len` bytes of an item to `to`. */
static bool device_writes(uint16_t item, plat_dma_addr to, size_t len)
{
    static _Alignas(PLAT_DMA_ALIGN_BYTES) union {
        fw_cfg_access access;
        uint8_t lines[PLAT_DMA_ALIGN_BYTES];
    } told;
    told.access = (fw_cfg_access){
        fa_be32_of((uint32_t)item << 16 | FW_CFG_CONTROL_SELECT | FW_CFG_CONTROL_READ),
        fa_be32_of((uint32_t)len), fa_be64_of(to.address)};
    const plat_dma_addr at = map(&told, sizeof told, PLAT_DMA_BOTH);
    fw_cfg_start(at);
    plat_dma_unmap(&told, sizeof told, PLAT_DMA_BOTH, PLAT_DMA_INCOHERENT, at);
    return fa_be32_get(told.access.control) == 0;
}

static void read_by_dma(uint16_t item, void *buffer, size_t len)
{
    const plat_dma_addr addr = map(buffer, round_up(len), PLAT_DMA_FROM_DEVICE);
    const bool done = device_writes(item, addr, len);
    plat_dma_unmap(buffer, round_up(len), PLAT_DMA_FROM_DEVICE, PLAT_DMA_INCOHERENT, addr);
    if (!done)
        fa_panic("the device did not read item %u", item);
}

static bool same_by_register(uint16_t item, const uint8_t *bytes, size_t len)
{
    size_t same = 0;
    fw_cfg_select(item);
    while (same < len && bytes[same] == fw_cfg_read())
        same++;
    if (same < len)
        printf("item %u: byte %zu of %zu differs\n", item, same, len);
    return same == len;
}

static void read_items(void)
{
    uint8_t *features = new_buffer(4);
    read_by_dma(FW_CFG_SIGNATURE, features, 4);
    check(memcmp(features, "QEMU", 4) == 0, "the signature");
    read_by_dma(FW_CFG_FEATURES, features, 4);
    check((features[0] & FW_CFG_FEATURE_DMA) != 0, "the device says that it has DMA");

    fa_be32 *count = new_buffer(sizeof *count);
    read_by_dma(FW_CFG_DIRECTORY, count, sizeof *count);
    const size_t len = sizeof *count + fa_be32_get(*count) * sizeof(fw_cfg_file);
    uint8_t *directory = new_buffer(len);
    read_by_dma(FW_CFG_DIRECTORY, directory, len);
    check(same_by_register(FW_CFG_DIRECTORY, directory, len), "the directory");

    fw_cfg_file largest = {0};
    size_t largest_bytes = 0;
    for (size_t at = sizeof *count; at < len; at += sizeof(fw_cfg_file)) {
        fw_cfg_file file;
        memcpy(&file, directory + at, sizeof file);
        const size_t size_bytes = fa_be32_get(file.size_bytes);
        if (size_bytes > largest_bytes && size_bytes <= ITEM_BYTES_MAX) {
            largest_bytes = size_bytes;
            largest = file;
        }
    }
    printf("%u files, the largest: %.56s, %zu bytes\n", (unsigned)fa_be32_get(*count), largest.name,
           largest_bytes);
    const size_t read_bytes = largest_bytes > READ_BYTES_MIN ? largest_bytes : READ_BYTES_MIN;
    uint8_t *bytes = new_buffer(read_bytes);
    read_by_dma(fa_be16_get(largest.item), bytes, read_bytes);
    check(same_by_register(fa_be16_get(largest.item), bytes, read_bytes), "the largest file");
    free(bytes);
    free(directory);
    free(count);
    free(features);
}

/* What a release build shows here depends on the machine; a debug build must not show the item. */
static void forget_to_unmap(void)
{
    uint8_t *buffer = new_buffer(4);
    const plat_dma_addr addr = map(buffer, round_up(4), PLAT_DMA_FROM_DEVICE);
    check(device_writes(FW_CFG_SIGNATURE, addr, 4), "the device is done");
    printf("before the unmap: %02x %02x %02x %02x\n", buffer[0], buffer[1], buffer[2], buffer[3]);
    plat_dma_unmap(buffer, round_up(4), PLAT_DMA_FROM_DEVICE, PLAT_DMA_INCOHERENT, addr);
    printf("after the unmap: %02x %02x %02x %02x\n", buffer[0], buffer[1], buffer[2], buffer[3]);
    free(buffer);
}

static void check_map(void *buffer, size_t len, fa_err want, const char *what)
{
    plat_dma_addr addr;
    const fa_err err = plat_dma_map(buffer, len, PLAT_DMA_BOTH, PLAT_DMA_INCOHERENT, &addr);
    check(err == want, what);
    if (err == FA_OK)
        plat_dma_unmap(buffer, len, PLAT_DMA_BOTH, PLAT_DMA_INCOHERENT, addr);
}

static void map_all_kinds(void)
{
    static _Alignas(PLAT_DMA_ALIGN_BYTES) uint8_t zero[PLAT_DMA_ALIGN_BYTES];
    static _Alignas(PLAT_DMA_ALIGN_BYTES) uint8_t data[PLAT_DMA_ALIGN_BYTES] = "data";
    _Alignas(PLAT_DMA_ALIGN_BYTES) uint8_t stack[PLAT_DMA_ALIGN_BYTES] = "stack";
    const size_t len = PLAT_DMA_ALIGN_BYTES;
    uint8_t *heap = new_buffer(len);
    check_map(heap, len, FA_OK, "the heap");
    check_map(zero, len, FA_OK, "static objects");
    check_map(data, len, FA_OK, "initialised static objects");
    check(memcmp(data, "data", 5) == 0, "they keep what nobody wrote");
    check_map(stack, len, FA_EINVAL, "the stack is refused");
    check_map((void *)PLAT_DMA_ALIGN_BYTES, len, FA_EINVAL, "no RAM is refused");
    check_map((void *)(UINTPTR_MAX / 2 - 4095), len, FA_EINVAL, "no such address is refused");
    check_map(heap, 0, FA_EINVAL, "no bytes are refused");
    free(heap);
}

/* The device reads what it is told, and writes, in memory that nobody hands over: both see it. */
static void share(plat_dma_sharing sharing, const char *what)
{
    const size_t len = 3 * FA_KIB + 5;
    const size_t at = len - 4; /* the last bytes, in the last line */
    void *memory;
    plat_dma_addr addr;
    for (unsigned round = 0; round < 3; round++) {
        const fa_err err = plat_dma_alloc(len, sharing, &memory, &addr);
        if (err != FA_OK)
            fa_panic("cannot share %zu bytes: %s", len, fa_err_text(err));
        bool clear = true;
        for (size_t i = 0; i < len; i++)
            clear = clear && ((uint8_t *)memory)[i] == 0;
        fw_cfg_access *access = memory;
        *access = (fw_cfg_access){
            fa_be32_of(FW_CFG_SIGNATURE << 16 | FW_CFG_CONTROL_SELECT | FW_CFG_CONTROL_READ),
            fa_be32_of(4), fa_be64_of(addr.address + at)};
        fa_cpu_dma_before_store();
        fw_cfg_start(addr);
        check(clear && fa_be32_get(access->control) == 0 &&
                  memcmp((uint8_t *)memory + at, "QEMU", 4) == 0,
              what);
        plat_dma_free(memory, len, sharing);
    }
    check(plat_dma_alloc(0, sharing, &memory, &addr) == FA_EINVAL, "no bytes are refused");
}

int main(void)
{
    if (strcmp(mode, "read") == 0)
        read_items();
    else if (strcmp(mode, "forget") == 0)
        forget_to_unmap();
    else if (strcmp(mode, "shared") == 0) {
        share(PLAT_DMA_COHERENT, "shared with a device that sees the caches");
        share(PLAT_DMA_INCOHERENT, "shared with a device that sees memory only");
    } else
        map_all_kinds();
    return (int)failed;
}
