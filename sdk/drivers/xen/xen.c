/* SPDX-License-Identifier: ISC */
/* Calls of Xen with their errors, the domain's parameters, the shared info page. */
#include "xen.h"
#include <fata/clock.h>

xen_shared_info *xen_shared;
uint64_t xen_last_ns;

fa_err xen_call_row(unsigned hypercall, unsigned operation, void *arguments, uint32_t count)
{
    const intptr_t result =
        fa_cpu_hypercall(hypercall, operation, (uintptr_t)arguments, count, 0, 0);
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

fa_err xen_call(unsigned hypercall, unsigned operation, void *argument)
{
    return xen_call_row(hypercall, operation, argument, 0);
}

uint32_t xen_version(void)
{
    return (uint32_t)fa_cpu_hypercall(XEN_HYPERCALL_XEN_VERSION, XEN_VERSION_VERSION, 0, 0, 0, 0);
}

fa_err xen_map_space(unsigned space, uint32_t index, uint64_t frame)
{
    xen_op_add_to_physmap op = {
        .domain = XEN_DOMID_SELF, .space = space, .index = index, .frame = frame};
    return xen_call(XEN_HYPERCALL_MEMORY_OP, XEN_MEMORY_ADD_TO_PHYSMAP, &op);
}

fa_err xen_map_shared_info(void *page, uint64_t frame)
{
    const fa_err err = xen_map_space(XEN_MAPSPACE_SHARED_INFO, 0, frame);
    if (err == FA_OK) {
        xen_shared = page;
        xen_last_ns = 0;
    }
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

uint64_t xen_wall_base_ns(void)
{
    const xen_shared_info *shared = xen_shared;
    for (unsigned reads = 0; shared != NULL && reads < XEN_CLOCK_READS_MAX; reads++) {
        const uint32_t version = __atomic_load_n(&shared->wall_version, __ATOMIC_ACQUIRE);
        const uint64_t s = (uint64_t)shared->wall_s_high << 32 | shared->wall_s;
        const uint64_t ns = shared->wall_ns;
        if (xen_clock_is_whole(&shared->wall_version, version))
            return s * FA_NS_PER_S + ns;
    }
    return 0;
}
