/* SPDX-License-Identifier: ISC */
/* The platform contract: all that the portable SDK asks of a board. Every folder bsp/<name>
 * implements these functions, once, in its board.c or by naming drivers that do; which board an
 * image has is settled at link time. bsp/stub is the complete set that does nothing.
 *
 * The board's entry code brings up the console, the memory (`fa_ram`, see sdk/core/pages.h), traps
 * and the clock, and then calls fa_boot_with_text() or fa_boot_with_args() (sdk/boot/boot.h). Above
 * the contract nothing knows on which machine it runs.
 *
 * Time is monotonic nanoseconds since boot. Nothing here but plat_wait() waits for longer than a
 * device takes to answer, and every wait on a device is bounded. Interrupts are open only inside
 * plat_wait() and plat_poll(): between them the running fiber has the CPU for itself.
 */
#ifndef FATA_PLAT_H
#define FATA_PLAT_H

#include <fata/clock.h>
#include <fata/err.h>

/* Console. Writing never fails; what the machine cannot take in a bounded time is dropped. */
void plat_console_write(const char *bytes, size_t len);
/* What has been typed so far, at most `cap` bytes; 0: nothing. Never waits. */
size_t plat_console_read(char *bytes_out, size_t cap);
/* Whether input can ever come, now that a fiber waits for some. It may let plat_wait() end. */
bool plat_console_listen(void);

/* Clocks. The monotonic one is read all the time: it must be cheap and never step back. plat_clock_wall_ns() asks the machine's own clock: since 1970 UTC, or 0 where it has none. */
uint64_t plat_clock_mono_ns(void);
uint64_t plat_clock_wall_ns(void);

/* Lets the devices report what has happened: their drivers make waiting fibers ready. */
void plat_poll(void);
/* Idles the CPU until the deadline, or until something has happened that plat_poll() will report;
 * may return early. False, at once: the deadline is FA_FOREVER and nothing can ever happen. */
bool plat_wait(fa_deadline deadline);

/* Stacks. `base` is the lowest usable address, page-aligned; below it lies a guard page, whose
 * access is a fault. The contents are undefined. */
typedef struct plat_stack {
    uint8_t *base;
    size_t size_bytes;
} plat_stack;
FA_MUST_CHECK fa_err plat_stack_alloc(size_t size_bytes, plat_stack *stack_out);
void plat_stack_free(plat_stack stack);
/* From now on the machine writes its contents nowhere by itself (core dumps, swap): for keys. */
void plat_stack_keep_out(plat_stack stack);
/* The size of the guard below every stack, for telling a stack overflow from another fault. */
#define PLAT_STACK_GUARD_BYTES ((size_t)4096)

/* Whether an address range can be read without a fault: for following frame pointers in a crash. */
bool plat_readable(uintptr_t address, size_t len);

/* DMA: lending memory to a device. Caches may know nothing of what a device does, so a buffer has
 * one owner at a time: from plat_dma_map() to plat_dma_unmap() it is the device's. For that time
 * the CPU may read, but not write, what goes to the device, and must leave any other buffer alone;
 * the device may use the bytes that were mapped and no others, and only in that time. What the CPU
 * wrote before the map is there for a device that is told of the address after it. Memory that both
 * use at once, such as a ring of descriptors, is that of plat_dma_alloc().
 *
 * A buffer that the device writes begins and ends at multiples of PLAT_DMA_ALIGN_BYTES (asserted):
 * it must share no cache line with a neighbour, whose data would be lost. (Cortex-A7 and A8 have
 * lines of 64 bytes.) Where only the device reads, any bytes will do. A buffer is RAM in one piece
 * also for the device: pages of fa_ram, what malloc gives and static objects are; a fiber's stack
 * never is.
 *
 *     err = plat_dma_map(buffer, len, PLAT_DMA_FROM_DEVICE, PLAT_DMA_INCOHERENT, &addr);
 *     ... tell the device of addr, wait until it is done ...
 *     plat_dma_unmap(buffer, len, PLAT_DMA_FROM_DEVICE, PLAT_DMA_INCOHERENT, addr);
 */
#define PLAT_DMA_ALIGN_BYTES ((size_t)64)
/* An address as the devices see it; nothing for the CPU to access. */
typedef struct plat_dma_addr {
    uint64_t address;
} plat_dma_addr;
typedef enum plat_dma_direction {
    PLAT_DMA_TO_DEVICE,
    PLAT_DMA_FROM_DEVICE, /* the map loses what was there; what is not written is undefined */
    PLAT_DMA_BOTH,        /* what the device does not write stays as it was */
} plat_dma_direction;
/* Whether a device sees what the CPU's caches hold. */
typedef enum plat_dma_sharing {
    PLAT_DMA_INCOHERENT, /* not that anyone knows: hardware */
    /* It does: devices that a hypervisor plays (virtio, Xen's), which know memory as cached, and
     * what a device tree says is dma-coherent. */
    PLAT_DMA_COHERENT,
} plat_dma_sharing;
/* Hands a buffer to the device; the address lies in its page where the buffer does. What is mapped
 * may be mapped once more if both go to the device. FA_EINVAL: no bytes, not RAM, or not in one
 * piece; FA_ENOMEM: a debug build gives the device another buffer, and found no room for it;
 * FA_ENOTSUP: no DMA on this board. */
FA_MUST_CHECK fa_err plat_dma_map(void *buffer, size_t len, plat_dma_direction direction,
                                  plat_dma_sharing sharing, plat_dma_addr *addr_out);
/* Takes it back: the device is done with it. What it wrote is now in the buffer. The arguments are
 * those of the map, and the address that it gave. */
void plat_dma_unmap(void *buffer, size_t len, plat_dma_direction direction, plat_dma_sharing sharing,
                    plat_dma_addr addr);
/* Memory that the CPU and a device use at any time, both of them: pages in one piece, cleared. The
 * order of accesses is the driver's matter (sdk/cpu/dma.h). FA_EINVAL: no bytes; FA_ENOMEM;
 * FA_ENOTSUP: no DMA on this board. */
FA_MUST_CHECK fa_err plat_dma_alloc(size_t len, plat_dma_sharing sharing, void **memory_out,
                                    plat_dma_addr *addr_out);
void plat_dma_free(void *memory, size_t len, plat_dma_sharing sharing);

/* Network devices, the first of them being number 0, with packets of the pool. An image whose program
 * uses no network has none of this in it. FA_ENOENT: no such device. It suspends its fiber, as
 * plat_block_open() does and no other function here, where the other side of a device takes its time
 * (Xen's back ends): FA_ETIMEDOUT, FA_ECANCELED. */
struct fa_netif;
struct fa_packet_pool;
FA_MUST_CHECK fa_err plat_netif_open(unsigned number, struct fa_packet_pool *pool,
                                     struct fa_netif **netif_out, fa_deadline deadline);
/* A host's network in the place of a device: FA_ENOTSUP where the machine has none to offer, or was
 * told to use a device. */
struct fa_net;
FA_MUST_CHECK fa_err plat_net_host(struct fa_net **net_out);

/* Block devices, the first of them being number 0. An image whose program uses none has none of this in
 * it. FA_ENOENT: no such device; FA_EBUSY: it is open; FA_ENOTSUP, FA_EIO, FA_ENOMEM; FA_ETIMEDOUT and
 * FA_ECANCELED, as of plat_netif_open(). */
struct fa_blockdev;
FA_MUST_CHECK fa_err plat_block_open(unsigned number, struct fa_blockdev **device_out,
                                     fa_deadline deadline);

/* From now on fa_stop_request() (sdk/fiber/stop.h) hears of it when the machine is to stop, where the
 * machine has a way to say so. Once, for a program that wants to know. */
void plat_stop_listen(void);

/* What a board has and other machines have not, as <fata/board.h> says it: FA_ENOTSUP there. Machines
 * with none of it name sdk/drivers/none. Port 0 is the port A. */
FA_MUST_CHECK fa_err plat_watchdog(unsigned limit_s);
FA_MUST_CHECK fa_err plat_led(unsigned number, bool on);
FA_MUST_CHECK fa_err plat_pin_read(unsigned port, unsigned number, bool pull_up, bool *high_out);
FA_MUST_CHECK fa_err plat_pin_write(unsigned port, unsigned number, bool high);
FA_MUST_CHECK fa_err plat_serial(uint32_t words_out[4]);
FA_MUST_CHECK fa_err plat_temperature(int32_t *milli_celsius_out);
FA_MUST_CHECK fa_err plat_model(const char **name_out);

/* Adds what entropy the machine has to the pool, by fa_random_add(). */
void plat_entropy(void);

/* Ends. By now the exit record is on the console. Both hand `status` on where the machine can. */
FA_NORETURN void plat_exit(int status);
FA_NORETURN void plat_reboot(void);

#endif
