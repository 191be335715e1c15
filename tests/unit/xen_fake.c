/* SPDX-License-Identifier: ISC */
/* Hypercalls by the words of Xen's public headers. */
#include "xen_fake.h"
#include "test.h"

fake_xen fake;

static union {
    xen_shared_info info;
    uint8_t bytes[XEN_PAGE_BYTES];
} page;

void fake_reset(void)
{
    fake = (fake_xen){.shutdown = -1};
    memset(&page, 0, sizeof page);
    assert_int_equal(xen_map_shared_info(&page, FAKE_FRAME), FA_OK);
    fake.shared = &page.info;
}

void fake_make_port(uint32_t port)
{
    fake.ports[port] = true;
}

static void select_word(uint32_t port)
{
    xen_vcpu_info *vcpu = &fake.shared->vcpus[0];
    vcpu->pending_sel[port / 64 / 32] |= UINT32_C(1) << port / 64 % 32;
    vcpu->upcall_pending = 1;
}

static bool is_set(const uint32_t *bits, uint32_t port)
{
    return bits[port / 32] >> port % 32 & 1;
}

void fake_send(uint32_t port)
{
    assert_true(fake.ports[port]);
    if (is_set(fake.shared->pending, port))
        return;
    fake.shared->pending[port / 32] |= UINT32_C(1) << port % 32;
    if (!is_set(fake.shared->mask, port))
        select_word(port);
}

/* The lowest one that is free; a negative error: none is. */
static intptr_t new_port(uint32_t *port_out)
{
    for (uint32_t port = 1; port < XEN_PORTS; port++)
        if (!fake.ports[port]) {
            fake.ports[port] = true;
            *port_out = port;
            return 0;
        }
    return -XEN_ENOSPC;
}

static intptr_t port_op(unsigned operation, const xen_op_port *op)
{
    if (op->port >= XEN_PORTS || !fake.ports[op->port])
        return -XEN_EINVAL;
    switch (operation) {
    case XEN_EVTCHN_CLOSE:
        fake.ports[op->port] = false;
        return 0;
    case XEN_EVTCHN_SEND:
        fake.notified[op->port]++;
        return 0;
    default: /* unmask */
        fake.shared->mask[op->port / 32] &= ~(UINT32_C(1) << op->port % 32);
        if (is_set(fake.shared->pending, op->port))
            select_word(op->port);
        return 0;
    }
}

static intptr_t event_op(unsigned operation, void *argument)
{
    switch (operation) {
    case XEN_EVTCHN_ALLOC_UNBOUND: {
        xen_op_alloc_unbound *op = argument;
        assert_int_equal(op->domain, XEN_DOMID_SELF);
        fake.last_domain = op->remote_domain;
        return new_port(&op->port);
    }
    case XEN_EVTCHN_BIND_INTERDOMAIN: {
        xen_op_bind_interdomain *op = argument;
        fake.last_domain = op->remote_domain;
        fake.last_remote_port = op->remote_port;
        return new_port(&op->local_port);
    }
    case XEN_EVTCHN_BIND_VIRQ: {
        xen_op_bind_virq *op = argument;
        assert_int_equal(op->vcpu, 0);
        fake.last_virq = op->virq;
        return new_port(&op->port);
    }
    case XEN_EVTCHN_CLOSE:
    case XEN_EVTCHN_SEND:
    case XEN_EVTCHN_UNMASK:
        return port_op(operation, argument);
    default:
        return -XEN_ENOSYS;
    }
}

static intptr_t hvm_op(unsigned operation, xen_op_hvm_param *op)
{
    assert_int_equal(op->domain, XEN_DOMID_SELF);
    if (op->index >= FA_ARRAY_COUNT(fake.params))
        return -XEN_EINVAL;
    if (operation == XEN_HVM_SET_PARAM)
        fake.params[op->index] = op->value;
    else
        op->value = fake.params[op->index];
    return 0;
}

static intptr_t memory_op(unsigned operation, const xen_op_add_to_physmap *op)
{
    assert_int_equal(operation, XEN_MEMORY_ADD_TO_PHYSMAP);
    assert_int_equal(op->domain, XEN_DOMID_SELF);
    if (op->space == XEN_MAPSPACE_GRANT_TABLE)
        return fake.map_grants(op->index, op->frame);
    assert_int_equal(op->space, XEN_MAPSPACE_SHARED_INFO);
    assert_int_equal(op->index, 0);
    assert_int_equal(op->frame, FAKE_FRAME);
    return 0;
}

static intptr_t sched_op(unsigned operation, const xen_op_shutdown *op)
{
    if (operation == XEN_SCHED_YIELD) {
        fake.yields++;
        if (fake.yielded != NULL)
            fake.yielded();
        return 0;
    }
    assert_int_equal(operation, XEN_SCHED_SHUTDOWN);
    fake.shutdown = (int)op->reason;
    return op->reason == XEN_SHUTDOWN_SUSPEND ? fake.suspend_result : 0;
}

intptr_t fa_cpu_hypercall(unsigned number, uintptr_t a1, uintptr_t a2, uintptr_t a3, uintptr_t a4,
                          uintptr_t a5)
{
    assert_int_equal(a4 | a5, 0);
    assert_true(a3 == 0 || number == XEN_HYPERCALL_GRANT_TABLE_OP);
    fake.calls++;
    if (fake.refusal != 0)
        return fake.refusal;
    void *argument = (void *)a2;
    switch (number) {
    case XEN_HYPERCALL_MEMORY_OP:
        return memory_op((unsigned)a1, argument);
    case XEN_HYPERCALL_XEN_VERSION:
        assert_int_equal(a1, XEN_VERSION_VERSION);
        return 4 << 16 | 17;
    case XEN_HYPERCALL_SCHED_OP:
        return sched_op((unsigned)a1, argument);
    case XEN_HYPERCALL_EVENT_CHANNEL_OP:
        return event_op((unsigned)a1, argument);
    case XEN_HYPERCALL_GRANT_TABLE_OP:
        return fake.grant_op((unsigned)a1, argument, a3);
    case XEN_HYPERCALL_HVM_OP:
        return hvm_op((unsigned)a1, argument);
    default:
        return -XEN_ENOSYS;
    }
}
