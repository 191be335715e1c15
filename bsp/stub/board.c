/* SPDX-License-Identifier: ISC */
/* The stub board: every function of bsp/plat.h, in its order, as little as it may be. Copy this
 * folder to begin a new board and fill in from the top: a console, a clock, memory, stacks. */
#include "../../sdk/boot/boot.h"
#include "../plat.h"

FA_NORETURN void plat_start(void);

/* Where the image begins (board.mk's BOARD_ENTRY). A real board brings up the console, puts its RAM
 * into fa_ram, installs trap handlers and starts the clock before it goes on. */
void plat_start(void)
{
    static char command_line[1];
    fa_boot_with_text(command_line);
}

void plat_console_write(const char *bytes, size_t len)
{
    (void)bytes;
    (void)len;
}

size_t plat_console_read(char *bytes_out, size_t cap)
{
    (void)bytes_out;
    (void)cap;
    return 0;
}

bool plat_console_listen(void)
{
    return false;
}

uint64_t plat_clock_mono_ns(void)
{
    return 0;
}

uint64_t plat_clock_wall_ns(void)
{
    return 0;
}

void plat_poll(void)
{
}

bool plat_wait(fa_deadline deadline)
{
    return deadline != FA_FOREVER;
}

fa_err plat_stack_alloc(size_t size_bytes, plat_stack *stack_out)
{
    (void)size_bytes;
    (void)stack_out;
    return FA_ENOMEM;
}

void plat_stack_free(plat_stack stack)
{
    (void)stack;
}

/* There is neither a dump nor swap. */
void plat_stack_keep_out(plat_stack stack)
{
    (void)stack;
}

bool plat_readable(uintptr_t address, size_t len)
{
    (void)address;
    (void)len;
    return false;
}

fa_err plat_dma_map(void *buffer, size_t len, plat_dma_direction direction,
                    plat_dma_sharing sharing, plat_dma_addr *addr_out)
{
    (void)buffer;
    (void)len;
    (void)direction;
    (void)sharing;
    (void)addr_out;
    return FA_ENOTSUP;
}

void plat_dma_unmap(void *buffer, size_t len, plat_dma_direction direction, plat_dma_sharing sharing,
                    plat_dma_addr addr)
{
    (void)buffer;
    (void)len;
    (void)direction;
    (void)sharing;
    (void)addr;
}

fa_err plat_dma_alloc(size_t len, plat_dma_sharing sharing, void **memory_out,
                      plat_dma_addr *addr_out)
{
    (void)len;
    (void)sharing;
    (void)memory_out;
    (void)addr_out;
    return FA_ENOTSUP;
}

void plat_dma_free(void *memory, size_t len, plat_dma_sharing sharing)
{
    (void)memory;
    (void)len;
    (void)sharing;
}

fa_err plat_netif_open(unsigned number, struct fa_packet_pool *pool, struct fa_netif **netif_out,
                       fa_deadline deadline)
{
    (void)deadline;
    (void)number;
    (void)pool;
    (void)netif_out;
    return FA_ENOENT;
}

fa_err plat_net_host(struct fa_net **net_out)
{
    (void)net_out;
    return FA_ENOTSUP;
}

fa_err plat_block_open(unsigned number, struct fa_blockdev **device_out, fa_deadline deadline)
{
    (void)deadline;
    (void)number;
    (void)device_out;
    return FA_ENOENT;
}

void plat_stop_listen(void)
{
}

fa_err plat_watchdog(unsigned limit_s)
{
    (void)limit_s;
    return FA_ENOTSUP;
}

fa_err plat_led(unsigned number, bool on)
{
    (void)number;
    (void)on;
    return FA_ENOTSUP;
}

fa_err plat_pin_read(unsigned port, unsigned number, bool pull_up, bool *high_out)
{
    (void)port;
    (void)number;
    (void)pull_up;
    (void)high_out;
    return FA_ENOTSUP;
}

fa_err plat_pin_write(unsigned port, unsigned number, bool high)
{
    (void)port;
    (void)number;
    (void)high;
    return FA_ENOTSUP;
}

fa_err plat_serial(uint32_t words_out[4])
{
    (void)words_out;
    return FA_ENOTSUP;
}

fa_err plat_temperature(int32_t *milli_celsius_out)
{
    (void)milli_celsius_out;
    return FA_ENOTSUP;
}

fa_err plat_model(const char **name_out)
{
    (void)name_out;
    return FA_ENOTSUP;
}

void plat_entropy(void)
{
}

void plat_exit(int status)
{
    (void)status;
    for (;;)
        ;
}

void plat_reboot(void)
{
    for (;;)
        ;
}
