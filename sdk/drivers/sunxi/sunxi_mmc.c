/* SPDX-License-Identifier: ISC */
/* The SD host controller: commands by registers, data by its own DMA over a list of descriptors.
 * Source: the binding allwinner,sun4i-a10-mmc, the drivers of Linux (sunxi-mmc.c) and U-Boot
 * (sunxi_mmc.c, mmc.h) and QEMU's model; no data sheet was at hand. Linux and FreeBSD set a debug
 * register (0x50) and one for CE-ATA disks (0x44) besides; NetBSD's driver, for the same chips and with
 * DMA, does without, and so does this one. Not exercised by any emulator:
 * errors of every kind and what follows them, the card's busy time, a reset that takes time, clocks
 * and bus widths; a test plays the first three. */
#include "sunxi_mmc.h"
#include "../../cpu/dma.h"
#include <fata/fiber.h>
#include <fata/log.h>
#include <fata/panic.h>
#include <string.h>

FA_LOG_MODULE("sd");

enum { GCTL = 0x00, CLKCR = 0x04, TMOUT = 0x08, WIDTH = 0x0c, BLKSZ = 0x10, BYTECNT = 0x14, CMDR = 0x18,
       CARG = 0x1c, RESP0 = 0x20, RESP3 = 0x2c, IMASK = 0x30, RINT = 0x38, STATUS = 0x3c, FTRGL = 0x40,
       DMAC = 0x80, DLBA = 0x84, IDST = 0x88, IDIE = 0x8c };
#define GCTL_RESETS 0x7u /* all of it, the FIFO, the DMA; they fall when that is done */
#define GCTL_FIFO_RESET 0x2u
#define GCTL_DMA_RESET 0x4u
#define GCTL_INTERRUPTS 0x10u
#define GCTL_DMA 0x20u
#define CLKCR_ON 0x10000u
#define CMD_ANSWER 0x40u
#define CMD_LONG 0x80u
#define CMD_CHECK 0x100u
#define CMD_DATA 0x200u
#define CMD_WRITE 0x400u
#define CMD_AUTO_STOP 0x1000u
#define CMD_WAIT 0x2000u /* for data that are under way */
#define CMD_ABORT 0x4000u
#define CMD_INIT 0x8000u /* 80 clocks ahead */
#define CMD_CLOCK 0x200000u
#define CMD_START 0x80000000u
#define INT_COMMAND 0x4u
#define INT_DATA 0x8u
#define INT_STOPPED 0x4000u
#define INT_NO_ANSWER 0x102u /* QEMU's means it by the first, which is a wrong answer */
#define INT_ERRORS 0xbbc2u
#define STATUS_BUSY 0x200u
#define FTRGL_SETTING 0x20070008u /* bursts of 8; from 7 words on in, from 8 on out */
#define DMAC_RESET 0x1u
#define DMAC_FIXED_BURST 0x2u
#define DMAC_ON 0x80u
#define IDST_ALL 0x337u
#define IDST_RECEIVED 0x2u
#define LINES_4 1u

typedef struct descriptor {
    uint32_t control, len, address, next;
} descriptor;
#define DESCRIPTOR_QUIET 0x02u /* no interrupt */
#define DESCRIPTOR_LAST 0x04u
#define DESCRIPTOR_FIRST 0x08u
#define DESCRIPTOR_CHAINED 0x10u
#define DESCRIPTOR_RING_END 0x20u
#define DESCRIPTOR_OWNED 0x80000000u
/* The A10's hold 8 KiB and write that as 0. */
#define DESCRIPTOR_BYTES_MAX 4096u
#define DESCRIPTORS_MAX (SUNXI_MMC_TRANSFER_BYTES_MAX / DESCRIPTOR_BYTES_MAX + FA_BLOCK_PARTS_MAX)
#define SAID_AT 4096u /* in the shared memory, behind the descriptors */
#define SAID_BYTES_MAX 512u
#define SHARED_BYTES (SAID_AT + SAID_BYTES_MAX)
_Static_assert(DESCRIPTORS_MAX * sizeof(descriptor) <= SAID_AT, "the list has room");

#define RESET_NS (250 * FA_NS_PER_MS)
#define COMMAND_NS (5 * FA_NS_PER_MS)
#define ENDING_NS FA_NS_PER_MS
#define BUSY_NS (5 * FA_NS_PER_MS)
#define SAID_NS (100 * FA_NS_PER_MS)
#define PROGRAM_STEP_NS FA_NS_PER_MS
#define SLOT_STEP_NS FA_NS_PER_S /* between two looks whether the card is still in */

static sunxi_mmc *mmc_of_host(sd_host *host)
{
    return (sunxi_mmc *)(void *)((uint8_t *)host - offsetof(sunxi_mmc, host));
}

static sunxi_mmc *mmc_of(fa_blockdev *device)
{
    return (sunxi_mmc *)(void *)device; /* its first member */
}

static uint32_t get(const sunxi_mmc *mmc, size_t offset)
{
    return fa_cpu_read32(mmc->registers, offset);
}

static void set(const sunxi_mmc *mmc, size_t offset, uint32_t value)
{
    fa_cpu_write32(mmc->registers, offset, value);
}

static bool wait_clear(const sunxi_mmc *mmc, size_t offset, uint32_t bits, uint64_t limit_ns)
{
    const uint64_t start_ns = plat_clock_mono_ns();
    while (get(mmc, offset) & bits)
        if (plat_clock_mono_ns() - start_ns >= limit_ns)
            return false;
    return true;
}

/* Commands. */

static fa_err reset(const sunxi_mmc *mmc)
{
    set(mmc, GCTL, GCTL_RESETS);
    if (!wait_clear(mmc, GCTL, GCTL_RESETS, RESET_NS))
        return FA_EIO;
    set(mmc, FTRGL, FTRGL_SETTING);
    set(mmc, TMOUT, UINT32_MAX);
    set(mmc, IMASK, 0);
    set(mmc, RINT, UINT32_MAX);
    set(mmc, DLBA, (uint32_t)mmc->shared_addr.address);
    set(mmc, GCTL, GCTL_INTERRUPTS);
    return FA_OK;
}

/* The controller takes a new clock when it is told. */
static fa_err update_clock(const sunxi_mmc *mmc, uint32_t clkcr)
{
    set(mmc, CLKCR, clkcr);
    set(mmc, CMDR, CMD_START | CMD_CLOCK | CMD_WAIT);
    const bool done = wait_clear(mmc, CMDR, CMD_START, RESET_NS);
    set(mmc, RINT, get(mmc, RINT));
    return done ? FA_OK : FA_EIO;
}

static fa_err set_clock(sd_host *host, uint32_t hz)
{
    const sunxi_mmc *mmc = mmc_of_host(host);
    const fa_err err = update_clock(mmc, 0);
    if (err != FA_OK)
        return err;
    mmc->slot->set_clock(hz);
    return update_clock(mmc, CLKCR_ON);
}

static void set_four_lines(sd_host *host, bool on)
{
    set(mmc_of_host(host), WIDTH, on ? LINES_4 : 0);
}

static uint32_t bits_of(const sd_command *command)
{
    uint32_t bits = CMD_START | command->number;
    if (command->number == 0)
        bits |= CMD_INIT;
    if (command->kind != SD_NO_ANSWER)
        bits |= CMD_ANSWER;
    if (command->kind == SD_R2)
        bits |= CMD_LONG;
    if (command->kind != SD_NO_ANSWER && command->kind != SD_R3)
        bits |= CMD_CHECK;
    return bits;
}

/* How the command under way has ended; FA_EAGAIN: not yet. */
static fa_err result_of(uint32_t interrupts, uint32_t wanted)
{
    if (interrupts & INT_NO_ANSWER)
        return FA_ETIMEDOUT;
    if (interrupts & INT_ERRORS)
        return FA_EIO;
    return (interrupts & wanted) == wanted ? FA_OK : FA_EAGAIN;
}

static fa_err wait_command(const sunxi_mmc *mmc)
{
    const uint64_t start_ns = plat_clock_mono_ns();
    fa_err err;
    while ((err = result_of(get(mmc, RINT), INT_COMMAND)) == FA_EAGAIN)
        if (plat_clock_mono_ns() - start_ns >= COMMAND_NS)
            return FA_EIO;
    /* After an error, too, the command comes to its end; not in QEMU. */
    while (!(get(mmc, RINT) & INT_COMMAND) && plat_clock_mono_ns() - start_ns < ENDING_NS)
        ;
    return err;
}

static void read_answer(const sunxi_mmc *mmc, sd_command *command)
{
    for (unsigned i = 0; i < 4; i++)
        command->answer[i] = get(mmc, command->kind == SD_R2 ? RESP3 - 4 * i : RESP0 + 4 * i);
}

static fa_err give_command(sd_host *host, sd_command *command)
{
    const sunxi_mmc *mmc = mmc_of_host(host);
    set(mmc, RINT, UINT32_MAX);
    set(mmc, CARG, command->argument);
    set(mmc, CMDR, bits_of(command) | (command->number == SD_STOP ? CMD_ABORT : 0));
    fa_err err = wait_command(mmc);
    if (err == FA_OK && command->kind == SD_R1B && !wait_clear(mmc, STATUS, STATUS_BUSY, BUSY_NS))
        err = FA_EIO;
    read_answer(mmc, command);
    set(mmc, RINT, UINT32_MAX);
    return err;
}

/* Data. */

/* One part behind the others; how many descriptors there are then. */
static unsigned describe(const sunxi_mmc *mmc, unsigned count, uint64_t address, uint32_t len)
{
    descriptor *list = mmc->shared;
    for (uint32_t step; len > 0; len -= step, address += step) {
        step = len < DESCRIPTOR_BYTES_MAX ? len : DESCRIPTOR_BYTES_MAX;
        fa_assert(count < DESCRIPTORS_MAX);
        list[count] = (descriptor){
            .control = DESCRIPTOR_OWNED | DESCRIPTOR_CHAINED | DESCRIPTOR_QUIET |
                       (count == 0 ? DESCRIPTOR_FIRST : 0),
            .len = step,
            .address = (uint32_t)address,
            .next = (uint32_t)(mmc->shared_addr.address + (count + 1) * sizeof(descriptor))};
        count++;
    }
    return count;
}

/* Starts a transfer of `len` bytes in blocks, of what was described. */
static void start_transfer(sunxi_mmc *mmc, const sd_command *command, uint32_t block_bytes, uint32_t len,
                           unsigned descriptor_count, bool writes)
{
    descriptor *last = (descriptor *)mmc->shared + descriptor_count - 1;
    const bool many = command->number == SD_READ_MANY || command->number == SD_WRITE_MANY;
    last->control = (last->control & ~DESCRIPTOR_QUIET) | DESCRIPTOR_LAST | DESCRIPTOR_RING_END;
    last->next = 0;
    fa_cpu_dma_begin(mmc->shared, SAID_AT, false); /* all of it is there before the device is told */
    set(mmc, RINT, UINT32_MAX);
    set(mmc, IDST, IDST_ALL);
    set(mmc, BLKSZ, block_bytes);
    set(mmc, BYTECNT, len);
    set(mmc, GCTL, GCTL_INTERRUPTS | GCTL_DMA);
    set(mmc, GCTL, GCTL_INTERRUPTS | GCTL_DMA | GCTL_DMA_RESET);
    set(mmc, DMAC, DMAC_RESET);
    set(mmc, IDIE, 0);
    set(mmc, DMAC, DMAC_FIXED_BURST | DMAC_ON);
    set(mmc, CARG, command->argument);
    mmc->interrupts = many ? INT_STOPPED : INT_DATA;
    set(mmc, CMDR, bits_of(command) | CMD_DATA | CMD_WAIT | (writes ? CMD_WRITE : 0) |
                       (many ? CMD_AUTO_STOP : 0));
}

/* FA_EAGAIN: not yet. What was read may reach memory after the card's last word. */
static fa_err transfer_result(const sunxi_mmc *mmc, bool writes)
{
    const fa_err err = result_of(get(mmc, RINT), mmc->interrupts);
    return err == FA_OK && !writes && !(get(mmc, IDST) & IDST_RECEIVED) ? FA_EAGAIN : err;
}

/* The DMA lets go of memory. False: it does not. */
static bool end_transfer(const sunxi_mmc *mmc)
{
    set(mmc, IMASK, 0);
    set(mmc, IDIE, 0);
    set(mmc, IDST, IDST_ALL);
    set(mmc, DMAC, 0);
    set(mmc, GCTL, GCTL_INTERRUPTS | GCTL_DMA_RESET | GCTL_FIFO_RESET);
    const bool done = wait_clear(mmc, GCTL, GCTL_DMA_RESET | GCTL_FIFO_RESET, RESET_NS);
    set(mmc, GCTL, GCTL_INTERRUPTS);
    set(mmc, RINT, UINT32_MAX);
    return done;
}

static fa_err read_said(sd_host *host, sd_command *command, uint8_t *bytes_out, size_t len,
                        fa_deadline deadline)
{
    sunxi_mmc *mmc = mmc_of_host(host);
    fa_assert(len <= SAID_BYTES_MAX);
    const fa_deadline own = fa_after_ns(SAID_NS), end = own < deadline ? own : deadline;
    const unsigned count = describe(mmc, 0, mmc->shared_addr.address + SAID_AT, (uint32_t)len);
    start_transfer(mmc, command, (uint32_t)len, (uint32_t)len, count, false);
    fa_err err;
    while ((err = transfer_result(mmc, false)) == FA_EAGAIN) {
        err = fa_clock_mono_ns() >= end ? FA_ETIMEDOUT : fa_sleep(fa_after_ms(1));
        if (err != FA_OK)
            break;
    }
    read_answer(mmc, command);
    if (!end_transfer(mmc))
        err = FA_EIO;
    if (err == FA_OK)
        memcpy(bytes_out, (uint8_t *)mmc->shared + SAID_AT, len);
    return err;
}

/* Requests. */

static bool is_write(const fa_block_request *request)
{
    return request->kind == FA_BLOCK_WRITE;
}

static plat_dma_direction direction_of(const fa_block_request *request)
{
    return is_write(request) ? PLAT_DMA_TO_DEVICE : PLAT_DMA_FROM_DEVICE;
}

static void unmap_parts(const sunxi_mmc *mmc, const fa_block_request *request, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        plat_dma_unmap(request->parts[i].bytes, request->parts[i].len, direction_of(request),
                       PLAT_DMA_INCOHERENT, mmc->addrs[i]);
}

/* How many descriptors the parts take, all of them mapped. */
static fa_err map_parts(sunxi_mmc *mmc, const fa_block_request *request, unsigned *count_out)
{
    *count_out = 0;
    for (unsigned i = 0; i < request->part_count; i++) {
        const fa_block_part *part = &request->parts[i];
        const fa_err err = plat_dma_map(part->bytes, part->len, direction_of(request),
                                        PLAT_DMA_INCOHERENT, &mmc->addrs[i]);
        if (err != FA_OK) {
            unmap_parts(mmc, request, i);
            return err;
        }
        *count_out = describe(mmc, *count_out, mmc->addrs[i].address, part->len);
    }
    return FA_OK;
}

/* Also once more, after an error. */
static fa_err start_request(sunxi_mmc *mmc, fa_block_request *request)
{
    const bool writes = is_write(request), many = request->count > 1;
    const uint64_t place = mmc->card.counts_bytes ? request->sector * SD_SECTOR_BYTES : request->sector;
    const sd_command command = {.number = writes ? (many ? SD_WRITE_MANY : SD_WRITE)
                                                 : (many ? SD_READ_MANY : SD_READ),
                                .argument = (uint32_t)place,
                                .kind = SD_R1};
    unsigned count;
    const fa_err err = map_parts(mmc, request, &count);
    if (err != FA_OK)
        return err;
    mmc->request = request;
    mmc->state = SUNXI_MMC_TRANSFERS;
    mmc->device.poll_by = FA_FOREVER;
    start_transfer(mmc, &command, SD_SECTOR_BYTES, request->count * SD_SECTOR_BYTES, count, writes);
    return FA_OK;
}

static bool is_gone(const sunxi_mmc *mmc)
{
    return mmc->slot->has_card != NULL && !mmc->slot->has_card();
}

/* Between requests, too, a card may be taken out. One that is put in then is another one, as far as
 * anybody knows: it is seen when the disk is opened anew. */
static void look_at_slot(sunxi_mmc *mmc)
{
    fa_blockdev *device = &mmc->device;
    if (device->is_present && is_gone(mmc)) {
        fa_log_warn("the card was taken out");
        device->is_present = false;
    }
    const bool looks_again = device->is_present && mmc->slot->has_card != NULL;
    device->poll_by = looks_again ? fa_after_ns(SLOT_STEP_NS) : FA_FOREVER;
}

static fa_err submit(fa_blockdev *device, fa_block_request *request)
{
    sunxi_mmc *mmc = mmc_of(device);
    if (device->is_stopped)
        return FA_EIO;
    if (mmc->state == SUNXI_MMC_IDLE)
        look_at_slot(mmc);
    if (!device->is_present)
        return FA_ECLOSED;
    if (mmc->state != SUNXI_MMC_IDLE)
        return FA_EAGAIN;
    mmc->tries = 1;
    return start_request(mmc, request);
}

static void complete(sunxi_mmc *mmc, fa_err err)
{
    fa_block_request *request = mmc->request;
    mmc->state = SUNXI_MMC_IDLE;
    mmc->request = NULL;
    look_at_slot(mmc);
    request->err = err;
    request->done(request);
}

/* The card's status; FA_EAGAIN: it is busy with what was written. */
static fa_err ask_card(sunxi_mmc *mmc)
{
    sd_command command = {.number = SD_SEND_STATUS, .argument = mmc->card.address, .kind = SD_R1};
    if (get(mmc, STATUS) & STATUS_BUSY)
        return FA_EAGAIN;
    const fa_err err = give_command(&mmc->host, &command);
    if (err != FA_OK)
        return err;
    if (command.answer[0] & SD_STATUS_ERRORS)
        return FA_EIO;
    return (command.answer[0] & SD_STATUS_READY_MASK) == SD_STATUS_READY ? FA_OK : FA_EAGAIN;
}

/* A transfer has failed, or the card says that it has: once more, unless the card is gone or that was
 * tried enough. Errors that the card reports are those of what was, and go when they are read. */
static void fail(sunxi_mmc *mmc, const char *what)
{
    sd_command stop = {.number = SD_STOP, .kind = SD_R1};
    const bool gone = is_gone(mmc);
    if (!gone && give_command(&mmc->host, &stop) == FA_OK && ask_card(mmc) != FA_OK)
        (void)ask_card(mmc);
    if (!gone && mmc->tries++ < SUNXI_MMC_TRIES && start_request(mmc, mmc->request) == FA_OK)
        return;
    fa_log_error("%s at sector %llu: %s", is_write(mmc->request) ? "write" : "read",
                 (unsigned long long)mmc->request->sector, gone ? "the card was taken out" : what);
    mmc->device.is_present = !gone;
    complete(mmc, gone ? FA_ECLOSED : FA_EIO);
}

static void stop(fa_blockdev *device)
{
    sunxi_mmc *mmc = mmc_of(device);
    device->is_stopped = true;
    if (reset(mmc) != FA_OK)
        fa_panic("%s does not stop, and has memory that it may still write to", device->name);
    if (mmc->state == SUNXI_MMC_TRANSFERS)
        unmap_parts(mmc, mmc->request, mmc->request->part_count);
    if (mmc->state != SUNXI_MMC_IDLE)
        complete(mmc, FA_EIO);
}

static void finish_transfer(sunxi_mmc *mmc, fa_err err)
{
    if (!end_transfer(mmc)) {
        stop(&mmc->device);
        return;
    }
    unmap_parts(mmc, mmc->request, mmc->request->part_count);
    if (err != FA_OK)
        fail(mmc, err == FA_ETIMEDOUT ? "the card does not answer" : "the data were damaged or late");
    else if (is_write(mmc->request))
        mmc->state = SUNXI_MMC_PROGRAMS;
    else
        complete(mmc, FA_OK);
}

static void poll(fa_blockdev *device)
{
    sunxi_mmc *mmc = mmc_of(device);
    if (mmc->state == SUNXI_MMC_TRANSFERS) {
        const fa_err err = transfer_result(mmc, is_write(mmc->request));
        if (err != FA_EAGAIN)
            finish_transfer(mmc, err);
    } else if (mmc->state == SUNXI_MMC_IDLE) {
        look_at_slot(mmc);
    }
    if (mmc->state != SUNXI_MMC_PROGRAMS)
        return;
    const fa_err err = ask_card(mmc);
    if (err == FA_OK)
        complete(mmc, FA_OK);
    else if (err == FA_EAGAIN)
        device->poll_by = fa_after_ns(PROGRAM_STEP_NS);
    else
        fail(mmc, "the card could not write it");
}

/* An interrupt that is open already comes at once. */
static bool arm(fa_blockdev *device)
{
    sunxi_mmc *mmc = mmc_of(device);
    mmc->is_armed = mmc->state == SUNXI_MMC_TRANSFERS;
    if (!mmc->is_armed)
        return false;
    const uint32_t raised = get(mmc, RINT);
    const bool is_moving = result_of(raised, mmc->interrupts) == FA_OK && !is_write(mmc->request);
    if (transfer_result(mmc, is_write(mmc->request)) != FA_EAGAIN) {
        mmc->is_armed = false;
        return true;
    }
    set(mmc, IDIE, is_moving ? IDST_RECEIVED : 0);
    set(mmc, IMASK, is_moving ? INT_ERRORS : mmc->interrupts | INT_ERRORS);
    return false;
}

void sunxi_mmc_interrupt(void *arg)
{
    sunxi_mmc *mmc = arg;
    if (mmc->registers == NULL)
        return;
    set(mmc, IMASK, 0);
    set(mmc, IDIE, 0);
    if (!mmc->is_armed)
        return;
    mmc->is_armed = false;
    mmc->device.wake(mmc->device.wake_arg);
}

static void close_device(fa_blockdev *device)
{
    sunxi_mmc *mmc = mmc_of(device);
    mmc->is_armed = false;
    if (reset(mmc) != FA_OK)
        fa_log_error("%s does not stop: its memory is lost", device->name);
    else
        plat_dma_free(mmc->shared, SHARED_BYTES, PLAT_DMA_INCOHERENT);
    mmc->registers = NULL;
}

/* Opening. */

static fa_err start(sunxi_mmc *mmc, fa_deadline deadline)
{
    fa_err err = plat_dma_alloc(SHARED_BYTES, PLAT_DMA_INCOHERENT, &mmc->shared, &mmc->shared_addr);
    if (err != FA_OK) {
        mmc->registers = NULL;
        return err;
    }
    err = mmc->shared_addr.address > UINT32_MAX - SHARED_BYTES ? FA_ENOTSUP : reset(mmc);
    if (err == FA_OK)
        for (unsigned tries = 0; tries < SUNXI_MMC_TRIES; tries++) {
            err = sd_identify(&mmc->host, &mmc->card, deadline);
            if (err != FA_EIO) /* an answer that was damaged on its way */
                break;
        }
    if (err != FA_OK)
        close_device(&mmc->device);
    return err;
}

fa_err sunxi_mmc_open(sunxi_mmc *mmc, fa_cpu_device registers, const sunxi_mmc_slot *slot,
                      fa_deadline deadline)
{
    static const fa_blockdev_ops ops = {submit, poll, arm, stop, close_device, NULL};
    if (mmc->registers != NULL)
        return FA_EBUSY;
    if (slot->has_card != NULL && !slot->has_card())
        return FA_ENOENT;
    *mmc = (sunxi_mmc){
        .device = {.ops = &ops,
                   .name = "sd",
                   .sector_bytes = SD_SECTOR_BYTES,
                   .is_present = true,
                   .transfer_sectors_max = SUNXI_MMC_TRANSFER_BYTES_MAX / SD_SECTOR_BYTES,
                   .parts_max = FA_BLOCK_PARTS_MAX,
                   .read_align_bytes = PLAT_DMA_ALIGN_BYTES,
                   .write_align_bytes = sizeof(uint32_t),
                   .poll_by = FA_FOREVER},
        .host = {give_command, read_said, set_clock, set_four_lines},
        .registers = registers,
        .slot = slot,
    };
    const fa_err err = start(mmc, deadline);
    if (err != FA_OK)
        return err;
    mmc->device.sector_count = mmc->card.sector_count;
    mmc->device.read_only = mmc->card.read_only;
    look_at_slot(mmc);
    fa_log_info("%llu MiB, %s MHz%s",
                (unsigned long long)(mmc->card.sector_count / (FA_MIB / SD_SECTOR_BYTES)),
                mmc->card.is_fast ? "50" : "25", mmc->card.read_only ? ", only to be read" : "");
    return FA_OK;
}
