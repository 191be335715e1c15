/* SPDX-License-Identifier: ISC */
/* Descriptor tables and the trap handler. Faults, double faults and interrupts run on stacks of
 * their own (interrupt stack table), so that an overflowed stack can be reported. */
#include "traps.h"
#include "../crash.h"
#include "cpu.h"

#define CODE_SELECTOR 0x08u
#define TSS_SELECTOR 0x18u
#define IST_FAULT 1u
#define IST_DOUBLE_FAULT 2u
#define IST_INTERRUPT 3u
#define VECTOR_NMI 2u
#define VECTOR_DOUBLE_FAULT 8u
#define VECTOR_PAGE_FAULT 14u
#define VECTOR_BYTES 16u
#define GATE_INTERRUPT 0x8eu /* present, ring 0, 64-bit interrupt gate */
#define RFLAGS_IF UINT64_C(0x200)
#define FAULT_STACK_BYTES 8192u /* the crash report is printed on it */
#define INTERRUPT_STACK_BYTES 1024u

/* As traps.S pushes it, lowest address first. */
struct x86_trap_frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
    uint64_t vector, error;
    uint64_t rip, cs, rflags, rsp, ss;
};

typedef struct gate {
    uint16_t offset_0;
    uint16_t selector;
    uint8_t ist;
    uint8_t type;
    uint16_t offset_16;
    uint32_t offset_32;
    uint32_t reserved;
} gate;

/* SDM vol. 3, figure 7-11; its 64-bit fields are not aligned, so they are halves here. */
typedef struct tss {
    uint32_t reserved;
    uint32_t rsp[6];
    uint32_t reserved_28[2];
    uint32_t ist[14]; /* IST1 to IST7, low half first */
    uint32_t reserved_92[2];
    uint16_t reserved_100;
    uint16_t io_map_base;
} tss;

extern const uint8_t x86_vectors[], x86_waited[];
extern uint64_t x86_wait_stack;
void x86_trap(struct x86_trap_frame *frame);

static _Alignas(16) uint8_t fault_stack[FAULT_STACK_BYTES];
static _Alignas(16) uint8_t double_fault_stack[FAULT_STACK_BYTES];
static _Alignas(16) uint8_t interrupt_stack[INTERRUPT_STACK_BYTES];
static tss task_state;
static gate idt[X86_VECTOR_COUNT];
static uint64_t gdt[5] = {
    0,
    UINT64_C(0x00af9b000000ffff), /* code, 64-bit, accessed */
    UINT64_C(0x00cf93000000ffff), /* data */
    0, 0,                         /* the TSS */
};

uint64_t x86_wait_stack; /* of traps.S; 0: nothing waits */
static volatile uint32_t *eoi_register;
static volatile uint64_t taken; /* a bit for each vector */
static uint64_t handled;        /* the same: it has a handler */
static struct {
    void (*call)(void *arg);
    void *arg;
} handlers[X86_VECTOR_COUNT - X86_VECTOR_IRQ_FIRST];

static void set_ist(unsigned number, const uint8_t *stack, size_t size)
{
    const uint64_t top = (uint64_t)(stack + size);
    task_state.ist[2 * (number - 1)] = (uint32_t)top;
    task_state.ist[2 * (number - 1) + 1] = (uint32_t)(top >> 32);
}

static void set_gate(unsigned vector)
{
    const uint64_t offset = (uint64_t)(x86_vectors + vector * VECTOR_BYTES);
    unsigned ist = vector < X86_VECTOR_IRQ_FIRST ? IST_FAULT : IST_INTERRUPT;
    if (vector == VECTOR_DOUBLE_FAULT || vector == VECTOR_NMI)
        ist = IST_DOUBLE_FAULT;
    idt[vector] = (gate){(uint16_t)offset,         CODE_SELECTOR,
                         (uint8_t)ist,             GATE_INTERRUPT,
                         (uint16_t)(offset >> 16), (uint32_t)(offset >> 32),
                         0};
}

void x86_traps_init(void)
{
    set_ist(IST_FAULT, fault_stack, sizeof fault_stack);
    set_ist(IST_DOUBLE_FAULT, double_fault_stack, sizeof double_fault_stack);
    set_ist(IST_INTERRUPT, interrupt_stack, sizeof interrupt_stack);
    task_state.io_map_base = sizeof task_state;
    for (unsigned vector = 0; vector < X86_VECTOR_COUNT; vector++)
        set_gate(vector);

    const uint64_t base = (uint64_t)&task_state;
    gdt[3] = (sizeof task_state - 1) | (base & 0xffffff) << 16 | UINT64_C(0x89) << 40 |
             (base >> 24 & 0xff) << 56;
    gdt[4] = base >> 32;
    const struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t base;
    } gdt_pointer = {sizeof gdt - 1, (uint64_t)gdt}, idt_pointer = {sizeof idt - 1, (uint64_t)idt};
    /* The selectors of entry.S's table mean the same in this one. */
    __asm__ volatile("lgdt %0\n\tlidt %1\n\tltr %w2" ::"m"(gdt_pointer), "m"(idt_pointer),
                     "r"(TSS_SELECTOR)
                     : "memory");
}

void x86_traps_set_eoi(volatile uint32_t *reg)
{
    eoi_register = reg;
}

void x86_traps_handle(unsigned vector, void (*handler)(void *arg), void *arg)
{
    const uint64_t bit = UINT64_C(1) << vector;
    handlers[vector - X86_VECTOR_IRQ_FIRST].call = handler;
    handlers[vector - X86_VECTOR_IRQ_FIRST].arg = arg;
    handled = handler == NULL ? handled & ~bit : handled | bit;
}

void x86_traps_poll(void)
{
    uint64_t now = taken & handled;
    taken = 0;
    for (; now != 0; now &= now - 1) {
        const unsigned irq = (unsigned)__builtin_ctzll(now) - X86_VECTOR_IRQ_FIRST;
        handlers[irq].call(handlers[irq].arg);
    }
}

bool x86_traps_any_handler(void)
{
    return handled != 0;
}

FA_NORETURN static void report_fault(const struct x86_trap_frame *f)
{
    static const char *const names[X86_VECTOR_IRQ_FIRST] = {
        "divide error", "debug exception", "non-maskable interrupt", "breakpoint", "overflow",
        "bound range exceeded", "invalid opcode", "device not available", "double fault", NULL,
        "invalid TSS", "segment not present", "stack fault", "general protection fault",
        "page fault", NULL, "x87 floating-point error", "alignment check", "machine check",
        "SIMD floating-point error", "virtualization exception", "control protection exception"};
    const char *name = names[f->vector];
    uint64_t address;
    __asm__ volatile("mov %%cr2, %0" : "=r"(address));
    fa_crash_access access = FA_CRASH_NO_ADDRESS;
    if (f->vector == VECTOR_PAGE_FAULT) /* SDM vol. 3, 4.7: bit 1 write, bit 4 instruction fetch */
        access = f->error & 0x10 ? FA_CRASH_EXECUTE
                                 : f->error & 2 ? FA_CRASH_WRITE : FA_CRASH_READ;
    const fa_crash_reg regs[] = {
        {"rip", f->rip}, {"rsp", f->rsp}, {"rbp", f->rbp}, {"rflags", f->rflags},
        {"rax", f->rax}, {"rbx", f->rbx}, {"rcx", f->rcx}, {"rdx", f->rdx},
        {"rsi", f->rsi}, {"rdi", f->rdi}, {"r8", f->r8},   {"r9", f->r9},
        {"r10", f->r10}, {"r11", f->r11}, {"r12", f->r12}, {"r13", f->r13},
        {"r14", f->r14}, {"r15", f->r15}, {"cr2", address}, {"error", f->error},
    };
    fa_crash(&(fa_crash_report){
        .what = name == NULL ? "reserved exception" : name,
        .access = access,
        .address = address,
        .frame = {.pc = f->rip, .sp = f->rsp, .kept = {f->rbp}},
        .regs = regs,
        .reg_count = FA_ARRAY_COUNT(regs),
    });
}

/* An interrupt that nobody acknowledges comes again as soon as it can, so the wait ends here, with
 * interrupts closed. Not where it was interrupted: Xen on a QEMU that loses the interrupt shadow of
 * STI takes HLT for not yet begun, and would see the domain halt for good; and it may interrupt the way
 * into this function once more, whose return address then is that way itself. */
__attribute__((target("general-regs-only"))) static void end_wait(struct x86_trap_frame *frame)
{
    frame->rflags &= ~RFLAGS_IF;
    if (x86_wait_stack == 0)
        return;
    frame->rip = (uint64_t)x86_waited;
    frame->rsp = x86_wait_stack;
}

/* Called by traps.S, interrupts closed. It must not touch SSE registers, which are not saved. */
__attribute__((target("general-regs-only"))) void x86_trap(struct x86_trap_frame *frame)
{
    if (frame->vector < X86_VECTOR_IRQ_FIRST)
        report_fault(frame);
    taken |= UINT64_C(1) << frame->vector;
    if (eoi_register == NULL)
        end_wait(frame);
    else if (frame->vector != X86_VECTOR_SPURIOUS)
        *eoi_register = 0;
}
