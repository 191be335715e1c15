/* SPDX-License-Identifier: ISC */
/* Calls of Xen with their errors, the domain's parameters, the shared info page. */
#include "xen.h"
#include <fata/clock.h>

#define READS_MAX 1000u

xen_shared_info *xen_shared;

fa_err xen_call(unsigned hypercall, unsigned operation, void *argument)
{
    const intptr_t result =
        fa_cpu_hypercall(hypercall, operation, (uintptr_t)argument, 0, 0, 0);
    if (result >= 0)
        return FA_OK;
    switch (-result) {
    case XEN_EPERM:
        return FA_EPERM;
    case XEN_ENOENT:
    case XEN_ESRCH:
        return FA_ENOENT;
    case XEN_ENOMEM:
        return FA_ENOMEM;
    case XEN_EBUSY:
        return FA_EBUSY;
    case XEN_EEXIST:
        return FA_EEXIST;
    case XEN_EINVAL:
        return FA_EINVAL;
    case XEN_ENOSPC:
        return FA_ENOSPC;
    case XEN_ENOSYS:
        return FA_ENOTSUP;
    default:
        return FA_EIO;
    }
}

uint32_t xen_version(void)
{
    return (uint32_t)fa_cpu_hypercall(XEN_HYPERCALL_XEN_VERSION, XEN_VERSION_VERSION, 0, 0, 0, 0);
}

fa_err xen_map_shared_info(void *page, uint64_t frame)
{
    xen_op_add_to_physmap op = {
        .domain = XEN_DOMID_SELF, .space = XEN_MAPSPACE_SHARED_INFO, .frame = frame};
    const fa_err err = xen_call(XEN_HYPERCALL_MEMORY_OP, XEN_MEMORY_ADD_TO_PHYSMAP, &op);
    if (err == FA_OK)
        xen_shared = page;
    return err;
}

fa_err xen_param_get(unsigned index, uint64_t *value_out)
{
    xen_op_hvm_param op = {.domain = XEN_DOMID_SELF, .index = index};
    const fa_err err = xen_call(XEN_HYPERCALL_HVM_OP, XEN_HVM_GET_PARAM, &op);
    if (err != FA_OK)
        return err;
    *value_out = op.value;
    return op.value == 0 ? FA_ENOENT : FA_OK;
}

fa_err xen_param_set(unsigned index, uint64_t value)
{
    xen_op_hvm_param op = {.domain = XEN_DOMID_SELF, .index = index, .value = value};
    return xen_call(XEN_HYPERCALL_HVM_OP, XEN_HVM_SET_PARAM, &op);
}

/* The version is odd while Xen changes what it stands for, and another one afterwards. */
uint64_t xen_wall_base_ns(void)
{
    const xen_shared_info *shared = xen_shared;
    for (unsigned reads = 0; shared != NULL && reads < READS_MAX; reads++) {
        const uint32_t version = __atomic_load_n(&shared->wall_version, __ATOMIC_ACQUIRE);
        const uint64_t s = (uint64_t)shared->wall_s_high << 32 | shared->wall_s;
        const uint64_t ns = shared->wall_ns;
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (version % 2 == 0 && version == __atomic_load_n(&shared->wall_version, __ATOMIC_RELAXED))
            return s * FA_NS_PER_S + ns;
    }
    return 0;
}
