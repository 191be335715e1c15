/* SPDX-License-Identifier: ISC */
/* What is used of Xen's interface, in the words of its public headers, which are named at each part
 * (an installed libxen-dev has them in xen/). All of it is the same on x86 and on ARM but for the
 * sizes that sdk/cpu/hypercall.h has. */
#ifndef FATA_DRIVERS_XEN_ABI_H
#define FATA_DRIVERS_XEN_ABI_H

#include "../../cpu/hypercall.h"

/* xen.h: hypercalls, domains, virtual interrupts. */
#define XEN_HYPERCALL_MEMORY_OP 12u
#define XEN_HYPERCALL_XEN_VERSION 17u
#define XEN_HYPERCALL_GRANT_TABLE_OP 20u
#define XEN_HYPERCALL_VCPU_OP 24u
#define XEN_HYPERCALL_SCHED_OP 29u
#define XEN_HYPERCALL_EVENT_CHANNEL_OP 32u
#define XEN_HYPERCALL_HVM_OP 34u
#define XEN_DOMID_SELF 0x7ff0u
#define XEN_VIRQ_TIMER 0u
#define XEN_PAGE_BYTES 4096u

/* errno.h */
#define XEN_EPERM 1
#define XEN_ENOENT 2
#define XEN_ESRCH 3
#define XEN_ENOMEM 12
#define XEN_EBUSY 16
#define XEN_EEXIST 17
#define XEN_EINVAL 22
#define XEN_ENOSPC 28
#define XEN_ENOSYS 38

/* memory.h */
#define XEN_MEMORY_ADD_TO_PHYSMAP 7u
#define XEN_MAPSPACE_SHARED_INFO 0u
#define XEN_MAPSPACE_GRANT_TABLE 1u
typedef struct xen_op_add_to_physmap {
    uint16_t domain;
    uint16_t size;
    uint32_t space;
    uint64_t index;
    uint64_t frame;
} xen_op_add_to_physmap;
_Static_assert(sizeof(xen_op_add_to_physmap) == 24, "struct xen_add_to_physmap");

/* version.h */
#define XEN_VERSION_VERSION 0u

/* sched.h */
#define XEN_SCHED_YIELD 0u
#define XEN_SCHED_SHUTDOWN 2u
typedef struct xen_op_shutdown {
    uint32_t reason;
} xen_op_shutdown;
#define XEN_SHUTDOWN_POWEROFF 0u
#define XEN_SHUTDOWN_REBOOT 1u
#define XEN_SHUTDOWN_SUSPEND 2u
#define XEN_SHUTDOWN_CRASH 3u

/* vcpu.h; the time is Xen's system time. */
#define XEN_VCPU_SET_SINGLESHOT_TIMER 8u
typedef struct xen_op_singleshot_timer {
    uint64_t timeout_abs_ns;
    uint32_t flags;
    uint32_t reserved;
} xen_op_singleshot_timer;
_Static_assert(sizeof(xen_op_singleshot_timer) == 16, "struct vcpu_set_singleshot_timer");

/* hvm/hvm_op.h, hvm/params.h */
#define XEN_HVM_SET_PARAM 0u
#define XEN_HVM_GET_PARAM 1u
typedef struct xen_op_hvm_param {
    uint16_t domain;
    uint16_t pad;
    uint32_t index;
    uint64_t value;
} xen_op_hvm_param;
_Static_assert(sizeof(xen_op_hvm_param) == 16, "struct xen_hvm_param");
#define XEN_PARAM_CALLBACK_IRQ 0u
#define XEN_PARAM_STORE_PFN 1u
#define XEN_PARAM_STORE_EVTCHN 2u
#define XEN_PARAM_CONSOLE_PFN 17u
#define XEN_PARAM_CONSOLE_EVTCHN 18u
/* Values of XEN_PARAM_CALLBACK_IRQ: on x86 a vector of the CPU; on ARM an interrupt of the CPU's own
 * (PPI), whose number is the GIC's. */
#define XEN_CALLBACK_VECTOR (UINT64_C(2) << 56)
#define XEN_CALLBACK_PPI (UINT64_C(2) << 56)
#define XEN_CALLBACK_PPI_LOW_LEVEL (UINT64_C(2) << 8)

/* event_channel.h */
#define XEN_EVTCHN_BIND_INTERDOMAIN 0u
#define XEN_EVTCHN_BIND_VIRQ 1u
#define XEN_EVTCHN_CLOSE 3u
#define XEN_EVTCHN_SEND 4u
#define XEN_EVTCHN_ALLOC_UNBOUND 6u
#define XEN_EVTCHN_UNMASK 9u
typedef struct xen_op_bind_interdomain {
    uint16_t remote_domain;
    uint16_t pad;
    uint32_t remote_port;
    uint32_t local_port; /* out */
} xen_op_bind_interdomain;
_Static_assert(sizeof(xen_op_bind_interdomain) == 12, "struct evtchn_bind_interdomain");
typedef struct xen_op_bind_virq {
    uint32_t virq;
    uint32_t vcpu;
    uint32_t port; /* out */
} xen_op_bind_virq;
typedef struct xen_op_alloc_unbound {
    uint16_t domain, remote_domain;
    uint32_t port; /* out */
} xen_op_alloc_unbound;
_Static_assert(sizeof(xen_op_alloc_unbound) == 8, "struct evtchn_alloc_unbound");
/* close, send and unmask */
typedef struct xen_op_port {
    uint32_t port;
} xen_op_port;

/* xen.h: the shared info page. Its words of 64 bits (xen_ulong_t on both CPUs) are halves here: a
 * 32-bit CPU changes one without disturbing the other, and Xen's own accesses are no larger. */
#define XEN_PORTS 4096u
typedef struct xen_vcpu_time {
    uint32_t version; /* odd: it is being changed */
    uint32_t pad;
    uint64_t tsc_timestamp;
    uint64_t system_time_ns;
    uint32_t tsc_to_system_mul;
    int8_t tsc_shift;
    uint8_t flags;
    uint8_t pad_30[2];
} xen_vcpu_time;
_Static_assert(sizeof(xen_vcpu_time) == 32, "struct vcpu_time_info");
typedef struct xen_vcpu_info {
    uint8_t upcall_pending;
    uint8_t upcall_mask;
    uint8_t pad[6];
    /* Bit n of the first two: in pending[2 * n] or the one behind it, some bit is set. What follows
     * is struct arch_vcpu_info, empty on ARM. */
    uint32_t pending_sel[(FA_CPU_XEN_VCPU_BYTES - 40) / 4];
    xen_vcpu_time time;
} xen_vcpu_info;
_Static_assert(sizeof(xen_vcpu_info) == FA_CPU_XEN_VCPU_BYTES, "struct vcpu_info");
typedef struct xen_shared_info {
    xen_vcpu_info vcpus[FA_CPU_XEN_VCPUS];
    uint32_t pending[XEN_PORTS / 32];
    uint32_t mask[XEN_PORTS / 32];
    uint32_t wall_version; /* odd: it is being changed */
    uint32_t wall_s;       /* when system time was 0 */
    uint32_t wall_ns;
    uint32_t wall_s_high;
} xen_shared_info;
_Static_assert(offsetof(xen_shared_info, pending) == FA_CPU_XEN_VCPUS * FA_CPU_XEN_VCPU_BYTES,
               "struct shared_info");

/* io/console.h: the console's page. An index counts for ever; its place in the ring is the rest. */
#define XEN_CONSOLE_IN_BYTES 1024u
#define XEN_CONSOLE_OUT_BYTES 2048u
typedef struct xen_console_page {
    uint8_t in[XEN_CONSOLE_IN_BYTES];
    uint8_t out[XEN_CONSOLE_OUT_BYTES];
    uint32_t in_cons, in_prod;
    uint32_t out_cons, out_prod;
} xen_console_page;
_Static_assert(sizeof(xen_console_page) == 3088, "struct xencons_interface");

/* grant_table.h, version 1: the table that Xen shares, and the operations on it. */
#define XEN_GRANT_PERMIT_ACCESS 1u
#define XEN_GRANT_READONLY 4u
#define XEN_GRANT_READING 8u
#define XEN_GRANT_WRITING 16u
#define XEN_GRANTS_RESERVED 8u /* the toolstack's: console, Xenstore */
typedef struct xen_grant_entry {
    uint16_t flags;
    uint16_t domain;
    uint32_t frame;
} xen_grant_entry;
#define XEN_GRANTS_PER_FRAME ((uint32_t)(XEN_PAGE_BYTES / sizeof(xen_grant_entry)))
#define XEN_GRANT_MAP 0u
#define XEN_GRANT_UNMAP 1u
#define XEN_GRANT_COPY 5u
#define XEN_GRANT_QUERY_SIZE 6u
typedef struct xen_op_grant_map {
    uint64_t host_address;
    uint32_t flags;
    uint32_t ref;
    uint16_t domain;
    int16_t status;  /* out */
    uint32_t handle; /* out */
    uint64_t device_address;
} xen_op_grant_map;
_Static_assert(sizeof(xen_op_grant_map) == 32, "struct gnttab_map_grant_ref");
#define XEN_GRANT_MAP_HOST 2u
#define XEN_GRANT_MAP_READONLY 4u
typedef struct xen_op_grant_unmap {
    uint64_t host_address;
    uint64_t device_address;
    uint32_t handle;
    int16_t status; /* out */
    uint16_t pad;
} xen_op_grant_unmap;
_Static_assert(sizeof(xen_op_grant_unmap) == 24, "struct gnttab_unmap_grant_ref");
typedef struct xen_op_grant_query {
    uint16_t domain;
    uint16_t pad;
    uint32_t frames;     /* out */
    uint32_t frames_max; /* out */
    int16_t status;      /* out */
    uint16_t pad_14;
} xen_op_grant_query;
_Static_assert(sizeof(xen_op_grant_query) == 16, "struct gnttab_query_size");
typedef struct xen_grant_place {
    uint64_t ref_or_frame; /* a reference (32 bits) by GRANT_COPY_..._REF, else a frame */
    uint16_t domain;
    uint16_t offset;
    uint32_t pad;
} xen_grant_place;
typedef struct xen_op_grant_copy {
    xen_grant_place source, dest;
    uint16_t len;
    uint16_t flags;
    int16_t status; /* out */
    uint16_t pad;
} xen_op_grant_copy;
_Static_assert(sizeof(xen_op_grant_copy) == 40, "struct gnttab_copy");
#define XEN_GRANT_COPY_SOURCE_REF 1u
#define XEN_GRANT_COPY_DEST_REF 2u
/* GNTST_... */
#define XEN_GRANT_OKAY 0
#define XEN_GRANT_BAD_DOMAIN (-2)
#define XEN_GRANT_BAD_REF (-3)
#define XEN_GRANT_PERMISSION_DENIED (-8)
#define XEN_GRANT_EAGAIN (-12)
#define XEN_GRANT_NO_SPACE (-13)

/* io/xs_wire.h: Xenstore's page, and the header of each message. */
#define XEN_STORE_RING_BYTES 1024u
#define XEN_STORE_PAYLOAD_MAX 4096u
typedef struct xen_store_page {
    uint8_t requests[XEN_STORE_RING_BYTES], replies[XEN_STORE_RING_BYTES];
    uint32_t request_cons, request_prod;
    uint32_t reply_cons, reply_prod;
    uint32_t server_features, connection, error;
} xen_store_page;
_Static_assert(sizeof(xen_store_page) == 2076, "struct xenstore_domain_interface");
typedef struct xen_store_header {
    uint32_t type;
    uint32_t id; /* of the request, in its reply, too */
    uint32_t transaction;
    uint32_t len; /* of what follows */
} xen_store_header;
#define XEN_STORE_DIRECTORY 1u
#define XEN_STORE_READ 2u
#define XEN_STORE_GET_PERMS 3u
#define XEN_STORE_WATCH 4u
#define XEN_STORE_UNWATCH 5u
#define XEN_STORE_TRANSACTION_START 6u
#define XEN_STORE_TRANSACTION_END 7u
#define XEN_STORE_WRITE 11u
#define XEN_STORE_MKDIR 12u
#define XEN_STORE_RM 13u
#define XEN_STORE_SET_PERMS 14u
#define XEN_STORE_WATCH_EVENT 15u
#define XEN_STORE_ERROR 16u

#endif
