/* SPDX-License-Identifier: ISC */
/* A domain of Xen. There is nothing of a PC in it: events come as an interrupt of the CPU that
 * nobody acknowledges, and Xen's time counts since Xen's own start. Sources: Xen's
 * docs/misc/pvh.pandoc; public headers arch-x86/cpuid.h, hvm/params.h and vcpu.h. */
#include "../../sdk/cpu/x86_64/cpu.h"
#include "../../sdk/cpu/x86_64/mmu.h"
#include "../../sdk/cpu/x86_64/traps.h"
#include "../../sdk/drivers/xen/console.h"
#include "../../sdk/drivers/xen/events.h"
#include "../../sdk/drivers/xen/power.h"
#include "../../sdk/fiber/console.h"
#include "machine.h"
#include <fata/panic.h>

#define CPUID_1_ECX_HYPERVISOR (UINT32_C(1) << 31)
#define CPUID_FIRST UINT32_C(0x40000000)
#define CPUID_STEP UINT32_C(0x100)
#define CPUID_END UINT32_C(0x40010000)
#define SIGNATURE_B 0x566e6558u /* "XenVMMXenVMM" */
#define SIGNATURE_C 0x65584d4du
#define SIGNATURE_D 0x4d4d566eu
#define DEBUG_PORT 0xe9u /* Xen writes it into its own log, if that is open to guests */
#define EVENT_VECTOR X86_VECTOR_IRQ_FIRST
#define TIMER_EARLY_NS FA_NS_PER_MS /* by which it may be early, with much to spare: its slop is 50 us */

/* The domain's page here gives way to Xen's. */
static _Alignas(XEN_PAGE_BYTES) union {
    xen_shared_info info;
    uint8_t bytes[XEN_PAGE_BYTES];
} shared_page;
static bool has_console, listens;
static uint64_t console_frame;
static uint64_t start_ns; /* of Xen's time, when ours began */
static fa_deadline timer_ns; /* when the timer was set to; 0: to nothing */

/* Hypervisors that a guest may know have their leaves one behind the other. */
bool machine_xen_found(void)
{
    if (!(x86_cpuid_of(1).c & CPUID_1_ECX_HYPERVISOR))
        return false;
    for (uint32_t base = CPUID_FIRST; base < CPUID_END; base += CPUID_STEP) {
        const x86_cpuid id = x86_cpuid_of(base);
        if (id.b == SIGNATURE_B && id.c == SIGNATURE_C && id.d == SIGNATURE_D)
            return true;
        if (id.a - base >= CPUID_STEP)
            break;
    }
    return false;
}

static uint64_t mono_ns(void)
{
    return xen_system_ns(x86_tsc) - start_ns;
}

static uint64_t wall_ns(void)
{
    const uint64_t base_ns = xen_wall_base_ns();
    return base_ns == 0 ? 0 : base_ns + start_ns + mono_ns();
}

static void need(fa_err err, const char *what)
{
    if (err != FA_OK)
        fa_panic("Xen %u.%u gives this domain no %s: %s", (unsigned)(xen_version() >> 16),
                 (unsigned)(xen_version() & 0xffff), what, fa_err_text(err));
}

/* The way of the events also tells Xen that the shared page is that of a 64-bit guest. */
static void connect(void)
{
    need(xen_param_set(XEN_PARAM_CALLBACK_IRQ, XEN_CALLBACK_VECTOR | EVENT_VECTOR),
         "interrupt for events");
    need(xen_map_shared_info(&shared_page, x86_phys_of(&shared_page).address / XEN_PAGE_BYTES),
         "shared page");
    xen_events_init();
}

static void start_early(void)
{
    void *page = NULL;
    if (xen_console_find(&console_frame) == FA_OK)
        page = x86_mmu_map_early((x86_phys){console_frame * XEN_PAGE_BYTES});
    has_console = page != NULL;
    if (has_console)
        xen_console_open(page);
    connect();
    start_ns = mono_ns();
}

static void start(void)
{
    static xen_event timer; /* it only wakes the CPU */
    need(xen_event_bind_virq(&timer, XEN_VIRQ_TIMER), "timer");
    timer_ns = 0;
}

static void write_text(const char *bytes, size_t len)
{
    if (has_console) {
        xen_console_write(bytes, len);
        return;
    }
    for (size_t i = 0; i < len; i++)
        x86_out8(DEBUG_PORT, (uint8_t)bytes[i]);
}

static bool listen(void)
{
    listens = xen_console_listen(fa_console_input_arrived);
    return listens;
}

/* Xen puts the console's page where it was; its event channel is another. */
void machine_xen_reconnect(void)
{
    uint64_t frame;
    has_console = xen_console_find(&frame) == FA_OK && frame == console_frame && has_console;
    connect();
    start();
    if (listens && has_console)
        (void)listen();
}

void machine_xen_set_mono(uint64_t now_ns)
{
    start_ns += mono_ns() - now_ns;
    timer_ns = 0; /* it may have come already */
}

/* A timer that is set to an earlier time stays: deadlines move away much more often than they come, with
 * each request and its answer, and a wait that ends too early costs no more than the call. Not one
 * whose time has nearly come: Xen may have let it go already. */
static void arm(fa_deadline deadline, uint64_t now_ns)
{
    if (deadline == FA_FOREVER || (timer_ns > now_ns + TIMER_EARLY_NS && timer_ns <= deadline))
        return;
    timer_ns = deadline;
    xen_op_singleshot_timer op = {.timeout_abs_ns = start_ns + deadline};
    const intptr_t result = fa_cpu_hypercall(XEN_HYPERCALL_VCPU_OP, XEN_VCPU_SET_SINGLESHOT_TIMER, 0,
                                             (uintptr_t)&op, 0, 0);
    if (result < 0)
        fa_panic("Xen refuses to set the timer: error %d", (int)-result);
}

/* Xen takes a CPU that halts for good as the end of the domain. */
FA_NORETURN static void halt(void)
{
    for (;;)
        __asm__ volatile("cli; hlt");
}

FA_NORETURN static void exit_domain(int status)
{
    xen_exit(status);
    halt();
}

FA_NORETURN static void reboot(void)
{
    xen_shutdown(XEN_SHUTDOWN_REBOOT);
    halt();
}

const x86_machine machine_xen = {
    .start_early = start_early,
    .start = start,
    .write = write_text,
    .read = xen_console_read,
    .listen = listen,
    .mono_ns = mono_ns,
    .wall_ns = wall_ns,
    .poll = xen_events_poll,
    .awaits = xen_events_any,
    .arm = arm,
    .exit = exit_domain,
    .reboot = reboot,
};
