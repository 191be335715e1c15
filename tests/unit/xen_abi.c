/* SPDX-License-Identifier: ISC */
/* sdk/drivers/xen/abi.h against Xen's own public headers (libxen-dev), for x86: the same numbers, and
 * everything at the same place. */
#include "../../sdk/drivers/xen/abi.h"
#include "../../sdk/drivers/xen/netif_abi.h"
#include "../../sdk/drivers/xen/ring.h"
#include "../../sdk/drivers/xen/xenbus.h"
#include "test.h"

#define __XEN_INTERFACE_VERSION__ 0x00040e00
#define asm __asm__
#include <xen/xen.h>
#include <xen/event_channel.h>
#include <xen/grant_table.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/io/console.h>
#include <xen/io/netif.h>
#include <xen/io/xenbus.h>
#include <xen/io/xs_wire.h>
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

static void grants(void **state)
{
    (void)state;
    SAME(XEN_HYPERCALL_GRANT_TABLE_OP, __HYPERVISOR_grant_table_op);
    SAME(XEN_MAPSPACE_GRANT_TABLE, XENMAPSPACE_grant_table);
    SAME(XEN_GRANT_PERMIT_ACCESS, GTF_permit_access);
    SAME(XEN_GRANT_READONLY, GTF_readonly);
    SAME(XEN_GRANT_READING, GTF_reading);
    SAME(XEN_GRANT_WRITING, GTF_writing);
    SAME(XEN_GRANTS_RESERVED, GNTTAB_NR_RESERVED_ENTRIES);
    SAME(XEN_GRANT_MAP, GNTTABOP_map_grant_ref);
    SAME(XEN_GRANT_UNMAP, GNTTABOP_unmap_grant_ref);
    SAME(XEN_GRANT_COPY, GNTTABOP_copy);
    SAME(XEN_GRANT_QUERY_SIZE, GNTTABOP_query_size);
    SAME(XEN_GRANT_MAP_HOST, GNTMAP_host_map);
    SAME(XEN_GRANT_MAP_READONLY, GNTMAP_readonly);
    SAME(XEN_GRANT_COPY_SOURCE_REF, GNTCOPY_source_gref);
    SAME(XEN_GRANT_COPY_DEST_REF, GNTCOPY_dest_gref);
    SAME(XEN_GRANT_BAD_DOMAIN, GNTST_bad_domain);
    SAME(XEN_GRANT_BAD_REF, GNTST_bad_gntref);
    SAME(XEN_GRANT_PERMISSION_DENIED, GNTST_permission_denied);
    SAME(XEN_GRANT_EAGAIN, GNTST_eagain);
    SAME(XEN_GRANT_NO_SPACE, GNTST_no_space);
    SAME(sizeof(xen_grant_entry), sizeof(struct grant_entry_v1));
    SAME_PLACE(xen_grant_entry, flags, struct grant_entry_v1, flags);
    SAME_PLACE(xen_grant_entry, domain, struct grant_entry_v1, domid);
    SAME_PLACE(xen_grant_entry, frame, struct grant_entry_v1, frame);
    SAME(sizeof(xen_op_grant_query), sizeof(struct gnttab_query_size));
    SAME_PLACE(xen_op_grant_query, frames_max, struct gnttab_query_size, max_nr_frames);
    SAME_PLACE(xen_op_grant_query, status, struct gnttab_query_size, status);
    SAME(sizeof(xen_op_grant_map), sizeof(struct gnttab_map_grant_ref));
    SAME_PLACE(xen_op_grant_map, flags, struct gnttab_map_grant_ref, flags);
    SAME_PLACE(xen_op_grant_map, ref, struct gnttab_map_grant_ref, ref);
    SAME_PLACE(xen_op_grant_map, domain, struct gnttab_map_grant_ref, dom);
    SAME_PLACE(xen_op_grant_map, status, struct gnttab_map_grant_ref, status);
    SAME_PLACE(xen_op_grant_map, handle, struct gnttab_map_grant_ref, handle);
    SAME(sizeof(xen_op_grant_unmap), sizeof(struct gnttab_unmap_grant_ref));
    SAME_PLACE(xen_op_grant_unmap, handle, struct gnttab_unmap_grant_ref, handle);
    SAME_PLACE(xen_op_grant_unmap, status, struct gnttab_unmap_grant_ref, status);
    SAME(sizeof(xen_op_grant_copy), sizeof(struct gnttab_copy));
    SAME_PLACE(xen_op_grant_copy, source, struct gnttab_copy, source);
    SAME_PLACE(xen_op_grant_copy, source.domain, struct gnttab_copy, source.domid);
    SAME_PLACE(xen_op_grant_copy, source.offset, struct gnttab_copy, source.offset);
    SAME_PLACE(xen_op_grant_copy, dest, struct gnttab_copy, dest);
    SAME_PLACE(xen_op_grant_copy, len, struct gnttab_copy, len);
    SAME_PLACE(xen_op_grant_copy, flags, struct gnttab_copy, flags);
    SAME_PLACE(xen_op_grant_copy, status, struct gnttab_copy, status);
}

static void store(void **state)
{
    (void)state;
    SAME(XEN_STORE_RING_BYTES, XENSTORE_RING_SIZE);
    SAME(XEN_STORE_PAYLOAD_MAX, XENSTORE_PAYLOAD_MAX);
    SAME(sizeof(xen_store_page), sizeof(struct xenstore_domain_interface));
    SAME_PLACE(xen_store_page, requests, struct xenstore_domain_interface, req);
    SAME_PLACE(xen_store_page, replies, struct xenstore_domain_interface, rsp);
    SAME_PLACE(xen_store_page, request_cons, struct xenstore_domain_interface, req_cons);
    SAME_PLACE(xen_store_page, request_prod, struct xenstore_domain_interface, req_prod);
    SAME_PLACE(xen_store_page, reply_cons, struct xenstore_domain_interface, rsp_cons);
    SAME_PLACE(xen_store_page, reply_prod, struct xenstore_domain_interface, rsp_prod);
    SAME(sizeof(xen_store_header), sizeof(struct xsd_sockmsg));
    SAME_PLACE(xen_store_header, type, struct xsd_sockmsg, type);
    SAME_PLACE(xen_store_header, id, struct xsd_sockmsg, req_id);
    SAME_PLACE(xen_store_header, transaction, struct xsd_sockmsg, tx_id);
    SAME_PLACE(xen_store_header, len, struct xsd_sockmsg, len);
    SAME(XEN_STORE_DIRECTORY, XS_DIRECTORY);
    SAME(XEN_STORE_READ, XS_READ);
    SAME(XEN_STORE_GET_PERMS, XS_GET_PERMS);
    SAME(XEN_STORE_WATCH, XS_WATCH);
    SAME(XEN_STORE_UNWATCH, XS_UNWATCH);
    SAME(XEN_STORE_TRANSACTION_START, XS_TRANSACTION_START);
    SAME(XEN_STORE_TRANSACTION_END, XS_TRANSACTION_END);
    SAME(XEN_STORE_WRITE, XS_WRITE);
    SAME(XEN_STORE_MKDIR, XS_MKDIR);
    SAME(XEN_STORE_RM, XS_RM);
    SAME(XEN_STORE_SET_PERMS, XS_SET_PERMS);
    SAME(XEN_STORE_WATCH_EVENT, XS_WATCH_EVENT);
    SAME(XEN_STORE_ERROR, XS_ERROR);
    SAME(XEN_BUS_INITIALISING, XenbusStateInitialising);
    SAME(XEN_BUS_INIT_WAIT, XenbusStateInitWait);
    SAME(XEN_BUS_INITIALISED, XenbusStateInitialised);
    SAME(XEN_BUS_CONNECTED, XenbusStateConnected);
    SAME(XEN_BUS_CLOSING, XenbusStateClosing);
    SAME(XEN_BUS_CLOSED, XenbusStateClosed);
    SAME(XEN_BUS_RECONFIGURED, XenbusStateReconfigured);
}

static void network(void **state)
{
    (void)state;
    SAME(offsetof(xen_ring_page, request_produced), offsetof(struct netif_tx_sring, req_prod));
    SAME(offsetof(xen_ring_page, request_event), offsetof(struct netif_tx_sring, req_event));
    SAME(offsetof(xen_ring_page, answer_produced), offsetof(struct netif_tx_sring, rsp_prod));
    SAME(offsetof(xen_ring_page, answer_event), offsetof(struct netif_tx_sring, rsp_event));
    SAME(offsetof(xen_ring_page, places), offsetof(struct netif_tx_sring, ring));
    SAME(sizeof(netif_send_request), sizeof(union netif_tx_sring_entry));
    SAME(sizeof(netif_receive_request), sizeof(union netif_rx_sring_entry));
    SAME(XEN_RING_PLACES(sizeof(netif_send_request)), __CONST_RING_SIZE(netif_tx, XEN_PAGE_BYTES));
    SAME(XEN_RING_PLACES(sizeof(netif_receive_request)),
         __CONST_RING_SIZE(netif_rx, XEN_PAGE_BYTES));
    SAME_PLACE(netif_send_request, ref, struct netif_tx_request, gref);
    SAME_PLACE(netif_send_request, offset, struct netif_tx_request, offset);
    SAME_PLACE(netif_send_request, flags, struct netif_tx_request, flags);
    SAME_PLACE(netif_send_request, id, struct netif_tx_request, id);
    SAME_PLACE(netif_send_request, size, struct netif_tx_request, size);
    SAME_PLACE(netif_send_answer, id, struct netif_tx_response, id);
    SAME_PLACE(netif_send_answer, status, struct netif_tx_response, status);
    SAME_PLACE(netif_receive_request, id, struct netif_rx_request, id);
    SAME_PLACE(netif_receive_request, ref, struct netif_rx_request, gref);
    SAME_PLACE(netif_receive_answer, id, struct netif_rx_response, id);
    SAME_PLACE(netif_receive_answer, offset, struct netif_rx_response, offset);
    SAME_PLACE(netif_receive_answer, flags, struct netif_rx_response, flags);
    SAME_PLACE(netif_receive_answer, status, struct netif_rx_response, status);
    SAME(sizeof(netif_extra), sizeof(struct netif_extra_info));
    SAME_PLACE(netif_extra, gso_size, struct netif_extra_info, u.gso.size);
    SAME_PLACE(netif_extra, gso_type, struct netif_extra_info, u.gso.type);
    SAME(NETIF_SLOTS_MAX, XEN_NETIF_NR_SLOTS_MIN);
    SAME(NETIF_SEND_BYTES_MAX, XEN_NETIF_MAX_TX_SIZE);
    SAME(NETIF_SEND_CSUM_BLANK, NETTXF_csum_blank);
    SAME(NETIF_SEND_DATA_VALIDATED, NETTXF_data_validated);
    SAME(NETIF_SEND_MORE_DATA, NETTXF_more_data);
    SAME(NETIF_SEND_EXTRA_INFO, NETTXF_extra_info);
    SAME(NETIF_RECEIVE_CSUM_BLANK, NETRXF_csum_blank);
    SAME(NETIF_RECEIVE_DATA_VALIDATED, NETRXF_data_validated);
    SAME(NETIF_RECEIVE_MORE_DATA, NETRXF_more_data);
    SAME(NETIF_RECEIVE_EXTRA_INFO, NETRXF_extra_info);
    SAME(NETIF_STATUS_NULL, NETIF_RSP_NULL);
    SAME(NETIF_EXTRA_GSO, XEN_NETIF_EXTRA_TYPE_GSO);
    SAME(NETIF_EXTRA_TYPES, XEN_NETIF_EXTRA_TYPE_MAX - 1);
    SAME(NETIF_EXTRA_FLAG_MORE, XEN_NETIF_EXTRA_FLAG_MORE);
    SAME(NETIF_GSO_TCPV4, XEN_NETIF_GSO_TYPE_TCPV4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),
        cmocka_unit_test(errors),
        cmocka_unit_test(arguments),
        cmocka_unit_test(shared_pages), cmocka_unit_test(grants), cmocka_unit_test(store),
        cmocka_unit_test(network),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
