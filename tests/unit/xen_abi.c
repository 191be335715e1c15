/* SPDX-License-Identifier: ISC */
/* sdk/drivers/xen/abi.h against Xen's own public headers (libxen-dev), for x86: the same numbers, and
 * everything at the same place. */
#include "../../sdk/drivers/xen/abi.h"
#include "test.h"

#define __XEN_INTERFACE_VERSION__ 0x00040e00
#define asm __asm__
#include <xen/xen.h>
#include <xen/event_channel.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/io/console.h>
#include <xen/memory.h>
#include <xen/sched.h>
#include <xen/vcpu.h>
#include <xen/version.h>

#define SAME(ours, xens) assert_int_equal((ours), (xens))
#define SAME_PLACE(our_type, our_field, xen_type, xen_field)                                       \
    do {                                                                                           \
        SAME(offsetof(our_type, our_field), offsetof(xen_type, xen_field));                        \
        SAME(sizeof(((our_type *)0)->our_field), sizeof(((xen_type *)0)->xen_field));              \
    } while (0)

static void numbers(void **state)
{
    (void)state;
    SAME(XEN_HYPERCALL_MEMORY_OP, __HYPERVISOR_memory_op);
    SAME(XEN_HYPERCALL_XEN_VERSION, __HYPERVISOR_xen_version);
    SAME(XEN_HYPERCALL_VCPU_OP, __HYPERVISOR_vcpu_op);
    SAME(XEN_HYPERCALL_SCHED_OP, __HYPERVISOR_sched_op);
    SAME(XEN_HYPERCALL_EVENT_CHANNEL_OP, __HYPERVISOR_event_channel_op);
    SAME(XEN_HYPERCALL_HVM_OP, __HYPERVISOR_hvm_op);
    SAME(XEN_DOMID_SELF, DOMID_SELF);
    SAME(XEN_VIRQ_TIMER, VIRQ_TIMER);
    SAME(XEN_MEMORY_ADD_TO_PHYSMAP, XENMEM_add_to_physmap);
    SAME(XEN_MAPSPACE_SHARED_INFO, XENMAPSPACE_shared_info);
    SAME(XEN_VERSION_VERSION, XENVER_version);
    SAME(XEN_SCHED_YIELD, SCHEDOP_yield);
    SAME(XEN_SCHED_SHUTDOWN, SCHEDOP_shutdown);
    SAME(XEN_SHUTDOWN_POWEROFF, SHUTDOWN_poweroff);
    SAME(XEN_SHUTDOWN_REBOOT, SHUTDOWN_reboot);
    SAME(XEN_SHUTDOWN_CRASH, SHUTDOWN_crash);
    SAME(XEN_VCPU_SET_SINGLESHOT_TIMER, VCPUOP_set_singleshot_timer);
    SAME(XEN_HVM_SET_PARAM, HVMOP_set_param);
    SAME(XEN_HVM_GET_PARAM, HVMOP_get_param);
    SAME(XEN_PARAM_CALLBACK_IRQ, HVM_PARAM_CALLBACK_IRQ);
    SAME(XEN_PARAM_STORE_PFN, HVM_PARAM_STORE_PFN);
    SAME(XEN_PARAM_STORE_EVTCHN, HVM_PARAM_STORE_EVTCHN);
    SAME(XEN_PARAM_CONSOLE_PFN, HVM_PARAM_CONSOLE_PFN);
    SAME(XEN_PARAM_CONSOLE_EVTCHN, HVM_PARAM_CONSOLE_EVTCHN);
    SAME(XEN_CALLBACK_VECTOR, (uint64_t)HVM_PARAM_CALLBACK_TYPE_VECTOR << 56);
    SAME(XEN_EVTCHN_BIND_INTERDOMAIN, EVTCHNOP_bind_interdomain);
    SAME(XEN_EVTCHN_BIND_VIRQ, EVTCHNOP_bind_virq);
    SAME(XEN_EVTCHN_CLOSE, EVTCHNOP_close);
    SAME(XEN_EVTCHN_SEND, EVTCHNOP_send);
    SAME(XEN_EVTCHN_ALLOC_UNBOUND, EVTCHNOP_alloc_unbound);
    SAME(XEN_EVTCHN_UNMASK, EVTCHNOP_unmask);
    SAME(XEN_PORTS, EVTCHN_2L_NR_CHANNELS);
}

/* Their header gives a list, to be made into anything. */
static void errors(void **state)
{
    (void)state;
    const struct {
        int ours;
        const char *name;
    } errnos[] = {
#define XEN_ERRNO(name, value) {value, #name},
#include <xen/errno.h>
    };
    const struct {
        int ours;
        const char *name;
    } used[] = {{XEN_EPERM, "EPERM"},   {XEN_ENOENT, "ENOENT"}, {XEN_ESRCH, "ESRCH"},
                {XEN_ENOMEM, "ENOMEM"}, {XEN_EBUSY, "EBUSY"},   {XEN_EEXIST, "EEXIST"},
                {XEN_EINVAL, "EINVAL"}, {XEN_ENOSPC, "ENOSPC"}, {XEN_ENOSYS, "ENOSYS"}};
    for (size_t i = 0; i < FA_ARRAY_COUNT(used); i++) {
        int found = -1;
        for (size_t k = 0; k < FA_ARRAY_COUNT(errnos); k++)
            if (strcmp(errnos[k].name, used[i].name) == 0)
                found = errnos[k].ours;
        SAME(used[i].ours, found);
    }
}

static void arguments(void **state)
{
    (void)state;
    SAME(sizeof(xen_op_add_to_physmap), sizeof(struct xen_add_to_physmap));
    SAME_PLACE(xen_op_add_to_physmap, domain, struct xen_add_to_physmap, domid);
    SAME_PLACE(xen_op_add_to_physmap, size, struct xen_add_to_physmap, size);
    SAME_PLACE(xen_op_add_to_physmap, space, struct xen_add_to_physmap, space);
    SAME_PLACE(xen_op_add_to_physmap, index, struct xen_add_to_physmap, idx);
    SAME_PLACE(xen_op_add_to_physmap, frame, struct xen_add_to_physmap, gpfn);
    SAME(sizeof(xen_op_shutdown), sizeof(struct sched_shutdown));
    SAME(sizeof(xen_op_singleshot_timer), sizeof(struct vcpu_set_singleshot_timer));
    SAME_PLACE(xen_op_singleshot_timer, timeout_abs_ns, struct vcpu_set_singleshot_timer,
               timeout_abs_ns);
    SAME_PLACE(xen_op_singleshot_timer, flags, struct vcpu_set_singleshot_timer, flags);
    SAME(sizeof(xen_op_hvm_param), sizeof(struct xen_hvm_param));
    SAME_PLACE(xen_op_hvm_param, domain, struct xen_hvm_param, domid);
    SAME_PLACE(xen_op_hvm_param, index, struct xen_hvm_param, index);
    SAME_PLACE(xen_op_hvm_param, value, struct xen_hvm_param, value);
    SAME(sizeof(xen_op_bind_interdomain), sizeof(struct evtchn_bind_interdomain));
    SAME_PLACE(xen_op_bind_interdomain, remote_domain, struct evtchn_bind_interdomain, remote_dom);
    SAME_PLACE(xen_op_bind_interdomain, remote_port, struct evtchn_bind_interdomain, remote_port);
    SAME_PLACE(xen_op_bind_interdomain, local_port, struct evtchn_bind_interdomain, local_port);
    SAME(sizeof(xen_op_bind_virq), sizeof(struct evtchn_bind_virq));
    SAME_PLACE(xen_op_bind_virq, virq, struct evtchn_bind_virq, virq);
    SAME_PLACE(xen_op_bind_virq, vcpu, struct evtchn_bind_virq, vcpu);
    SAME_PLACE(xen_op_bind_virq, port, struct evtchn_bind_virq, port);
    SAME(sizeof(xen_op_alloc_unbound), sizeof(struct evtchn_alloc_unbound));
    SAME_PLACE(xen_op_alloc_unbound, domain, struct evtchn_alloc_unbound, dom);
    SAME_PLACE(xen_op_alloc_unbound, remote_domain, struct evtchn_alloc_unbound, remote_dom);
    SAME_PLACE(xen_op_alloc_unbound, port, struct evtchn_alloc_unbound, port);
    SAME(sizeof(xen_op_port), sizeof(struct evtchn_send));
}

static void shared_pages(void **state)
{
    (void)state;
    SAME(FA_CPU_XEN_VCPUS, XEN_LEGACY_MAX_VCPUS);
    SAME(sizeof(xen_vcpu_info), sizeof(struct vcpu_info));
    SAME_PLACE(xen_vcpu_info, upcall_pending, struct vcpu_info, evtchn_upcall_pending);
    SAME(offsetof(xen_vcpu_info, pending_sel), offsetof(struct vcpu_info, evtchn_pending_sel));
    SAME_PLACE(xen_vcpu_info, time, struct vcpu_info, time);
    SAME_PLACE(xen_vcpu_time, version, struct vcpu_time_info, version);
    SAME_PLACE(xen_vcpu_time, tsc_timestamp, struct vcpu_time_info, tsc_timestamp);
    SAME_PLACE(xen_vcpu_time, system_time_ns, struct vcpu_time_info, system_time);
    SAME_PLACE(xen_vcpu_time, tsc_to_system_mul, struct vcpu_time_info, tsc_to_system_mul);
    SAME_PLACE(xen_vcpu_time, tsc_shift, struct vcpu_time_info, tsc_shift);
    SAME_PLACE(xen_shared_info, pending, struct shared_info, evtchn_pending);
    SAME_PLACE(xen_shared_info, mask, struct shared_info, evtchn_mask);
    SAME_PLACE(xen_shared_info, wall_version, struct shared_info, wc_version);
    SAME_PLACE(xen_shared_info, wall_s, struct shared_info, wc_sec);
    SAME_PLACE(xen_shared_info, wall_ns, struct shared_info, wc_nsec);
    SAME_PLACE(xen_shared_info, wall_s_high, struct shared_info, wc_sec_hi);
    SAME(sizeof(xen_console_page), sizeof(struct xencons_interface));
    SAME_PLACE(xen_console_page, in, struct xencons_interface, in);
    SAME_PLACE(xen_console_page, out, struct xencons_interface, out);
    SAME_PLACE(xen_console_page, in_cons, struct xencons_interface, in_cons);
    SAME_PLACE(xen_console_page, in_prod, struct xencons_interface, in_prod);
    SAME_PLACE(xen_console_page, out_cons, struct xencons_interface, out_cons);
    SAME_PLACE(xen_console_page, out_prod, struct xencons_interface, out_prod);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),
        cmocka_unit_test(errors),
        cmocka_unit_test(arguments),
        cmocka_unit_test(shared_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
