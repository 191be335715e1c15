/* SPDX-License-Identifier: ISC */
/* The SATA controller: AHCI with one port, and a PHY of its own kind. Source: Serial ATA AHCI 1.3.1
 * (registers in 3, structures in 4, the port's start and the recovery of errors in 10), ATA8-ACS
 * (commands, what IDENTIFY says), the binding allwinner,sun4i-a10-ahci and, for the PHY, Linux's driver
 * (ahci_sunxi.c), which takes the port's DMA register from TI's manual of the same core (SPRUGJ8C, 4.33).
 * Not exercised by any emulator: the PHY and its clocks, disks that take their time to spin up, errors and
 * what follows them. */
#include "sun4i_ahci.h"
#include "../../cpu/dma.h"
#include <fata/fiber.h>
#include <fata/log.h>
#include <fata/panic.h>
#include <string.h>

FA_LOG_MODULE("sata");

enum { GHC = 0x04, IS = 0x08, PHYCS0 = 0xc0, PHYCS1 = 0xc4, PHYCS2 = 0xc8, RWCR = 0xfc,
       /* the port's */
       CLB = 0x100, CLBU = 0x104, FB = 0x108, FBU = 0x10c, PIS = 0x110, PIE = 0x114, CMD = 0x118,
       TFD = 0x120, SIG = 0x124, SSTS = 0x128, SCTL = 0x12c, SERR = 0x130, CI = 0x138, DMACR = 0x170 };
#define GHC_RESET 0x1u
#define GHC_INTERRUPTS 0x2u
#define GHC_AHCI 0x80000000u
#define PHYCS0_STATE(value) ((value) >> 28 & 0x7)
#define PHYCS0_STATE_UP 2u
#define PHYCS2_CALIBRATES 0x01000000u
#define CMD_START 0x0001u
#define CMD_SPIN_UP 0x0002u
#define CMD_POWER 0x0004u
#define CMD_RECEIVE 0x0010u
#define CMD_RECEIVES 0x4000u
#define CMD_RUNS 0x8000u
#define PIS_ERRORS 0x78000000u
#define PIS_DONE 0x3u /* the disk has said how a command has ended, or what it sends */
#define TFD_ERROR 0x01u
#define TFD_BUSY 0x88u /* BSY or DRQ */
#define SIG_DISK 0x101u
#define SSTS_DETECTED(value) ((value) & 0xf)
#define SSTS_LINKED 3u
#define SCTL_RESET 0x1u
/* Bursts, and transactions of 8 words either way: after a reset these are any size, and writes were measured
 * at a third of their speed. */
#define DMACR_SIZES 0xffffu
#define DMACR_SETTING 0x4433u

/* What lies in the memory that is shared. */
#define RECEIVED_AT 0x400u
#define TABLE_AT 0x800u
#define PARTS_AT 0x880u
#define SAID_AT 0x1000u
#define SAID_BYTES 512u
#define SHARED_BYTES (SAID_AT + SAID_BYTES)
typedef struct command_header {
    uint32_t flags, moved_bytes, table, table_high, reserved[4];
} command_header;
#define FIS_WORDS 5u
#define HEADER_WRITE 0x40u
#define HEADER_PARTS_SHIFT 16u
typedef struct part {
    uint32_t address, address_high, reserved, last_byte;
} part;
#define FIS_TO_DISK 0x27u
#define FIS_IS_COMMAND 0x80u
#define DEVICE_LBA 0x40u

enum { READ_DMA_EXT = 0x25, WRITE_DMA_EXT = 0x35, FLUSH_CACHE_EXT = 0xea, IDENTIFY = 0xec };
/* Words of IDENTIFY. */
enum { ID_COMMANDS_82 = 82, ID_COMMANDS_83 = 83, ID_ENABLED_85 = 85, ID_SECTORS = 100, ID_SIZES = 106,
       ID_SECTOR_WORDS = 117 };
#define ID_83_LBA48 0x0400u
#define ID_85_WRITE_CACHE 0x0020u
#define ID_SIZES_KNOWN(word) (((word) & 0xc000u) == 0x4000u)
#define ID_SIZES_LARGE 0x1000u
#define SECTOR_BYTES_MIN 512u
#define SECTOR_BYTES_MAX 4096u

#define RESET_NS FA_NS_PER_S
#define ENGINE_NS (500 * FA_NS_PER_MS)
#define PHY_NS FA_NS_PER_MS
#define PHY_STEP_MS 5u
#define PHY_END_MS 15u
#define LINK_NS FA_NS_PER_S
#define SPIN_UP_NS (10 * FA_NS_PER_S)
#define IDENTIFY_NS (5 * FA_NS_PER_S)

static sun4i_ahci *sata_of(fa_blockdev *device)
{
    return (sun4i_ahci *)(void *)device; /* its first member */
}

static uint32_t get(const sun4i_ahci *sata, size_t offset)
{
    return fa_cpu_read32(sata->registers, offset);
}

static void set(const sun4i_ahci *sata, size_t offset, uint32_t value)
{
    fa_cpu_write32(sata->registers, offset, value);
}

static void change(const sun4i_ahci *sata, size_t offset, uint32_t clear, uint32_t bits)
{
    set(sata, offset, (get(sata, offset) & ~clear) | bits);
}

static bool wait_clear(const sun4i_ahci *sata, size_t offset, uint32_t bits, uint64_t limit_ns)
{
    const uint64_t start_ns = plat_clock_mono_ns();
    while (get(sata, offset) & bits)
        if (plat_clock_mono_ns() - start_ns >= limit_ns)
            return false;
    return true;
}

/* The port. */

static bool stop_port(const sun4i_ahci *sata)
{
    change(sata, CMD, CMD_START, 0);
    if (!wait_clear(sata, CMD, CMD_RUNS, ENGINE_NS))
        return false;
    change(sata, CMD, CMD_RECEIVE, 0);
    return wait_clear(sata, CMD, CMD_RECEIVES, ENGINE_NS);
}

static void start_port(const sun4i_ahci *sata)
{
    set(sata, SERR, UINT32_MAX);
    set(sata, PIS, UINT32_MAX);
    set(sata, IS, 1);
    change(sata, CMD, 0, CMD_RECEIVE);
    change(sata, DMACR, DMACR_SIZES, DMACR_SETTING);
    change(sata, CMD, 0, CMD_START);
}

/* AHCI 10.4.3: everything back, also what is with the disk. */
static bool reset(const sun4i_ahci *sata)
{
    set(sata, GHC, GHC_AHCI);
    set(sata, GHC, GHC_AHCI | GHC_RESET);
    if (!wait_clear(sata, GHC, GHC_RESET, RESET_NS))
        return false;
    set(sata, GHC, GHC_AHCI);
    return true;
}

/* Linux's numbers; nobody has published what they mean. */
static fa_err start_phy(const sun4i_ahci *sata)
{
    set(sata, RWCR, 0);
    fa_err err = fa_sleep(fa_after_ms(PHY_STEP_MS));
    if (err != FA_OK)
        return err;
    change(sata, PHYCS1, 0, 1u << 19);
    change(sata, PHYCS0, 7u << 24, 5u << 24 | 1u << 23 | 1u << 18);
    change(sata, PHYCS1, 3u << 16 | 0x1fu << 8 | 3u << 6, 2u << 16 | 6u << 8 | 2u << 6);
    change(sata, PHYCS1, 0, 1u << 28 | 1u << 15);
    change(sata, PHYCS1, 1u << 19, 0);
    change(sata, PHYCS0, 7u << 20, 3u << 20);
    change(sata, PHYCS2, 0x1fu << 5, 0x19u << 5);
    err = fa_sleep(fa_after_ms(PHY_STEP_MS));
    if (err != FA_OK)
        return err;
    change(sata, PHYCS0, 0, 1u << 19);
    const uint64_t start_ns = plat_clock_mono_ns();
    while (PHYCS0_STATE(get(sata, PHYCS0)) != PHYCS0_STATE_UP)
        if (plat_clock_mono_ns() - start_ns >= PHY_NS)
            return FA_EIO;
    change(sata, PHYCS2, 0, PHYCS2_CALIBRATES);
    if (!wait_clear(sata, PHYCS2, PHYCS2_CALIBRATES, PHY_NS))
        return FA_EIO;
    err = fa_sleep(fa_after_ms(PHY_END_MS));
    set(sata, RWCR, 7);
    return err;
}

/* Commands. */

/* One command into the list's first place, with parts that are written already. */
static void give(const sun4i_ahci *sata, unsigned command, uint64_t sector, uint32_t count,
                 unsigned part_count, bool writes)
{
    const uint8_t fis[FIS_WORDS * 4] = {
        FIS_TO_DISK, FIS_IS_COMMAND, (uint8_t)command, 0,
        (uint8_t)sector, (uint8_t)(sector >> 8), (uint8_t)(sector >> 16), DEVICE_LBA,
        (uint8_t)(sector >> 24), (uint8_t)(sector >> 32), (uint8_t)(sector >> 40), 0,
        (uint8_t)count, (uint8_t)(count >> 8),
    };
    const command_header header = {.flags = FIS_WORDS | (writes ? HEADER_WRITE : 0) |
                                            part_count << HEADER_PARTS_SHIFT,
                                   .table = (uint32_t)sata->shared_addr.address + TABLE_AT};
    memcpy(sata->shared, &header, sizeof header);
    memcpy(sata->shared + TABLE_AT, fis, sizeof fis);
    fa_cpu_dma_begin(sata->shared, SAID_AT, false); /* all of it is there before the device is told */
    set(sata, PIS, UINT32_MAX);
    set(sata, IS, 1);
    set(sata, CI, 1);
}

static void describe(const sun4i_ahci *sata, unsigned index, uint64_t address, uint32_t len)
{
    const part value = {.address = (uint32_t)address, .last_byte = len - 1};
    memcpy(sata->shared + PARTS_AT + index * sizeof value, &value, sizeof value);
}

/* FA_EAGAIN: not yet. */
static fa_err result(const sun4i_ahci *sata)
{
    if (get(sata, PIS) & PIS_ERRORS)
        return FA_EIO;
    if (get(sata, CI) & 1)
        return FA_EAGAIN;
    return get(sata, TFD) & (TFD_ERROR | TFD_BUSY) ? FA_EIO : FA_OK;
}

/* Until a register has what is wanted of it, by looking each millisecond. */
static fa_err wait_for(const sun4i_ahci *sata, bool (*is_so)(const sun4i_ahci *sata), uint64_t limit_ns,
                       fa_deadline deadline)
{
    const fa_deadline own = fa_after_ns(limit_ns), end = own < deadline ? own : deadline;
    while (!is_so(sata)) {
        if (fa_clock_mono_ns() >= end)
            return FA_ETIMEDOUT;
        const fa_err err = fa_sleep(fa_after_ms(1));
        if (err != FA_OK)
            return err;
    }
    return FA_OK;
}

/* Requests. */

static plat_dma_direction direction_of(const fa_block_request *request)
{
    return request->kind == FA_BLOCK_READ ? PLAT_DMA_FROM_DEVICE : PLAT_DMA_TO_DEVICE;
}

static void unmap_parts(const sun4i_ahci *sata, const fa_block_request *request, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        plat_dma_unmap(request->parts[i].bytes, request->parts[i].len, direction_of(request),
                       PLAT_DMA_INCOHERENT, sata->addrs[i]);
}

/* Also once more, after an error. */
static fa_err start_request(sun4i_ahci *sata, fa_block_request *request)
{
    static const uint8_t commands[] = {READ_DMA_EXT, WRITE_DMA_EXT, FLUSH_CACHE_EXT};
    for (unsigned i = 0; i < request->part_count; i++) {
        const fa_block_part *from = &request->parts[i];
        const fa_err err = plat_dma_map(from->bytes, from->len, direction_of(request),
                                        PLAT_DMA_INCOHERENT, &sata->addrs[i]);
        if (err != FA_OK) {
            unmap_parts(sata, request, i);
            return err;
        }
        describe(sata, i, sata->addrs[i].address, from->len);
    }
    sata->request = request;
    give(sata, commands[request->kind], request->sector, request->count, request->part_count,
         request->kind == FA_BLOCK_WRITE);
    return FA_OK;
}

static fa_err submit(fa_blockdev *device, fa_block_request *request)
{
    sun4i_ahci *sata = sata_of(device);
    if (device->is_stopped)
        return FA_EIO;
    if (sata->request != NULL)
        return FA_EAGAIN;
    sata->tries = 1;
    return start_request(sata, request);
}

static void complete(sun4i_ahci *sata, fa_err err)
{
    fa_block_request *request = sata->request;
    sata->request = NULL;
    request->err = err;
    request->done(request);
}

/* The port lets go of all memory. */
static void halt(const sun4i_ahci *sata)
{
    if (!stop_port(sata) && !reset(sata))
        fa_panic("%s does not stop, and has memory that it may still write to", sata->device.name);
}

static void stop(fa_blockdev *device)
{
    sun4i_ahci *sata = sata_of(device);
    device->is_stopped = true;
    halt(sata);
    if (sata->request == NULL)
        return;
    unmap_parts(sata, sata->request, sata->request->part_count);
    complete(sata, FA_EIO);
}

/* AHCI 6.2.2.1: the port stops, and starts again unless the disk is still busy (10.3.1): that is given up. */
static void recover(sun4i_ahci *sata)
{
    fa_block_request *request = sata->request;
    const uint32_t status = get(sata, TFD);
    halt(sata);
    unmap_parts(sata, request, request->part_count);
    const bool is_idle = !(get(sata, TFD) & TFD_BUSY);
    if (is_idle)
        start_port(sata);
    if (is_idle && sata->tries++ < SUN4I_AHCI_TRIES && start_request(sata, request) == FA_OK)
        return;
    fa_log_error("a request at sector %llu failed, the disk's status is %04x",
                 (unsigned long long)request->sector, (unsigned)(status & 0xffff));
    complete(sata, FA_EIO);
    if (!is_idle)
        stop(&sata->device);
}

static void poll(fa_blockdev *device)
{
    sun4i_ahci *sata = sata_of(device);
    if (sata->request == NULL)
        return;
    const fa_err err = result(sata);
    if (err == FA_EAGAIN)
        return;
    if (err != FA_OK) {
        recover(sata);
        return;
    }
    unmap_parts(sata, sata->request, sata->request->part_count);
    complete(sata, FA_OK);
}

/* An interrupt that is open already comes at once. */
static bool arm(fa_blockdev *device)
{
    sun4i_ahci *sata = sata_of(device);
    sata->is_armed = false;
    if (sata->request == NULL)
        return false;
    if (result(sata) != FA_EAGAIN)
        return true;
    sata->is_armed = true;
    set(sata, PIE, PIS_DONE | PIS_ERRORS);
    set(sata, GHC, GHC_AHCI | GHC_INTERRUPTS);
    return false;
}

void sun4i_ahci_interrupt(void *arg)
{
    sun4i_ahci *sata = arg;
    if (sata->registers == NULL)
        return;
    set(sata, GHC, GHC_AHCI);
    set(sata, PIE, 0);
    if (!sata->is_armed)
        return;
    sata->is_armed = false;
    sata->device.wake(sata->device.wake_arg);
}

static void close_device(fa_blockdev *device)
{
    sun4i_ahci *sata = sata_of(device);
    sata->is_armed = false;
    if (!stop_port(sata) && !reset(sata))
        fa_log_error("%s does not stop: its memory is lost", device->name);
    else
        plat_dma_free(sata->shared, SHARED_BYTES, PLAT_DMA_INCOHERENT);
    sata->registers = NULL;
}

/* Opening. */

static bool is_linked(const sun4i_ahci *sata)
{
    return SSTS_DETECTED(get(sata, SSTS)) == SSTS_LINKED;
}

static bool is_ready(const sun4i_ahci *sata)
{
    return !(get(sata, TFD) & TFD_BUSY);
}

static bool has_answered(const sun4i_ahci *sata)
{
    return result(sata) != FA_EAGAIN;
}

static uint32_t word_of(const sun4i_ahci *sata, unsigned number)
{
    uint16_t word;
    memcpy(&word, sata->shared + SAID_AT + number * sizeof word, sizeof word);
    return word;
}

static fa_err read_identity(sun4i_ahci *sata)
{
    fa_blockdev *device = &sata->device;
    const uint32_t sizes = word_of(sata, ID_SIZES);
    if (!(word_of(sata, ID_COMMANDS_83) & ID_83_LBA48))
        return FA_ENOTSUP;
    device->sector_bytes = SECTOR_BYTES_MIN;
    if (ID_SIZES_KNOWN(sizes) && (sizes & ID_SIZES_LARGE))
        device->sector_bytes =
            2 * (word_of(sata, ID_SECTOR_WORDS) | word_of(sata, ID_SECTOR_WORDS + 1) << 16);
    if (device->sector_bytes != SECTOR_BYTES_MIN && device->sector_bytes != SECTOR_BYTES_MAX)
        return FA_ENOTSUP;
    device->transfer_sectors_max = SUN4I_AHCI_TRANSFER_BYTES_MAX / device->sector_bytes;
    for (unsigned i = 4; i-- > 0;)
        device->sector_count = device->sector_count << 16 | word_of(sata, ID_SECTORS + i);
    device->has_cache = (word_of(sata, ID_ENABLED_85) & ID_85_WRITE_CACHE) != 0;
    return FA_OK;
}

static fa_err identify(sun4i_ahci *sata, fa_deadline deadline)
{
    if (get(sata, SIG) != SIG_DISK)
        return FA_ENOTSUP; /* a drive for disks that are changed, or several of them */
    describe(sata, 0, sata->shared_addr.address + SAID_AT, SAID_BYTES);
    give(sata, IDENTIFY, 0, 0, 1, false);
    fa_err err = wait_for(sata, has_answered, IDENTIFY_NS, deadline);
    if (err == FA_OK)
        err = result(sata);
    return err == FA_OK ? read_identity(sata) : err;
}

/* AHCI 10.1.2, and a reset of the link. */
static fa_err start(sun4i_ahci *sata, fa_deadline deadline)
{
    fa_err err = start_phy(sata);
    if (err != FA_OK)
        return err;
    if (sata->shared_addr.address > UINT32_MAX - SHARED_BYTES)
        return FA_ENOTSUP;
    if (!reset(sata) || !stop_port(sata))
        return FA_EIO;
    set(sata, CLB, (uint32_t)sata->shared_addr.address);
    set(sata, CLBU, 0);
    set(sata, FB, (uint32_t)sata->shared_addr.address + RECEIVED_AT);
    set(sata, FBU, 0);
    change(sata, CMD, 0, CMD_SPIN_UP | CMD_POWER | CMD_RECEIVE);
    set(sata, SCTL, SCTL_RESET);
    err = fa_sleep(fa_after_ms(1));
    set(sata, SCTL, 0);
    if (err == FA_OK)
        err = wait_for(sata, is_linked, LINK_NS, deadline);
    if (err == FA_ETIMEDOUT)
        return FA_ENOENT;
    set(sata, SERR, UINT32_MAX);
    if (err == FA_OK)
        err = wait_for(sata, is_ready, SPIN_UP_NS, deadline);
    if (err != FA_OK)
        return err;
    start_port(sata);
    return identify(sata, deadline);
}

fa_err sun4i_ahci_open(sun4i_ahci *sata, fa_cpu_device registers, fa_deadline deadline)
{
    static const fa_blockdev_ops ops = {submit, poll, arm, stop, close_device, NULL};
    void *shared;
    if (sata->registers != NULL)
        return FA_EBUSY;
    *sata = (sun4i_ahci){
        .device = {.ops = &ops,
                   .name = "sata",
                   .is_present = true,
                   .parts_max = FA_BLOCK_PARTS_MAX,
                   .read_align_bytes = PLAT_DMA_ALIGN_BYTES,
                   .write_align_bytes = sizeof(uint32_t),
                   .poll_by = FA_FOREVER},
    };
    fa_err err = plat_dma_alloc(SHARED_BYTES, PLAT_DMA_INCOHERENT, &shared, &sata->shared_addr);
    if (err != FA_OK)
        return err;
    sata->shared = shared;
    sata->registers = registers;
    err = start(sata, deadline);
    if (err != FA_OK) {
        close_device(&sata->device);
        return err;
    }
    fa_log_info("%llu MiB", (unsigned long long)(sata->device.sector_count /
                                                 (FA_MIB / sata->device.sector_bytes)));
    return FA_OK;
}
