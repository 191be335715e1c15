/* SPDX-License-Identifier: ISC */
/*
 * What the loaders want of an image. All PVH loaders: Xen's public header arch-x86/hvm/start_info.h. QEMU: its
 * hw/i386/x86.c and include/hw/elf_ops.h. Firecracker and Cloud Hypervisor share the crate linux-loader
 * (src/loader/elf/mod.rs). A Linux process: fs/binfmt_elf.c. ARM: QEMU's hw/arm/boot.c, Xen's xen/arch/arm/kernel.c and
 * tools/libs/guest/xg_dom_armzimageloader.c, U-Boot's cmd/bootz.c and arch/arm/lib/zimage.c.
 */
#include "verdict.h"

#include <inttypes.h>
#include <stdio.h>

#define MIB UINT64_C(0x100000)
#define GIB_4 (UINT64_C(1) << 32)
#define LINUX_LOWEST_ADDRESS UINT64_C(0x10000) /* vm.mmap_min_addr */
#define QEMU_ARM_LOAD_ADDRESS UINT32_C(0x40010000) /* of all its machines here: RAM + 64 KiB */
#define PAGE_BYTES 4096u                           /* of x86 */
#define XEN_ARM_RAM UINT32_C(0x40000000)           /* GUEST_RAM0_BASE */

const char *elf_machine_name(uint16_t machine)
{
    switch (machine) {
    case ELF_MACHINE_386: return "x86 (32-bit)";
    case ELF_MACHINE_ARM: return "ARM (32-bit)";
    case ELF_MACHINE_X86_64: return "x86-64";
    case ELF_MACHINE_AARCH64: return "ARM64";
    default: return "another machine";
    }
}

const char *elf_type_name(uint16_t type)
{
    switch (type) {
    case ELF_TYPE_REL: return "object file";
    case ELF_TYPE_EXEC: return "executable";
    case ELF_TYPE_DYN: return "position-independent executable or shared library";
    case ELF_TYPE_CORE: return "core dump";
    default: return "of an unknown type";
    }
}

/* What every loader of ELF files needs. */
static bool is_x86_program(const struct image *image, char *why)
{
    const struct elf *elf = &image->elf;

    if (image->format != IMAGE_ELF) {
        (void)snprintf(why, VERDICT_WHY_CAP, "it is %s, for ARM: x86 needs an ELF file",
                       image->format == IMAGE_CARD ? "an SD card" : "a zImage");
    } else if (elf->machine != ELF_MACHINE_386 && elf->machine != ELF_MACHINE_X86_64) {
        (void)snprintf(why, VERDICT_WHY_CAP, "it is for %s, not for x86", elf_machine_name(elf->machine));
    } else if (elf->type == ELF_TYPE_REL) {
        (void)snprintf(why, VERDICT_WHY_CAP, "it is an object file: it must be linked first");
    } else if (elf->load_count == 0) {
        (void)snprintf(why, VERDICT_WHY_CAP, "it has no segment to load (PT_LOAD)");
    } else {
        return true;
    }
    return false;
}

/* What every PVH loader needs. */
static bool is_pvh(const struct image *image, char *why)
{
    const struct elf *elf = &image->elf;

    if (!is_x86_program(image, why)) {
        return false;
    }
    if (!elf->has_pvh) {
        (void)snprintf(why, VERDICT_WHY_CAP, "no PVH note (a Xen note of type 18 in a PT_NOTE segment)");
    } else if (elf->load_start < MIB) {
        (void)snprintf(why, VERDICT_WHY_CAP,
                       "it loads below 1 MiB (at 0x%" PRIx64 "), where PCs keep tables and devices", elf->load_start);
    } else if (elf->pvh_entry >= GIB_4) {
        (void)snprintf(why, VERDICT_WHY_CAP, "its PVH entry, 0x%" PRIx64 ", lies above 4 GiB", elf->pvh_entry);
    } else if (elf->load_end > GIB_4) {
        (void)snprintf(why, VERDICT_WHY_CAP, "it loads above 4 GiB (up to 0x%" PRIx64 ")", elf->load_end);
    } else if (elf_find_physical(elf, elf->pvh_entry) == elf->segment_count) {
        (void)snprintf(why, VERDICT_WHY_CAP, "its PVH entry, 0x%" PRIx64 ", lies outside of the loaded segments",
                       elf->pvh_entry);
    } else {
        return true;
    }
    return false;
}

/* Xen's builder of domains (libxenguest) gives out whole pages, from the first segment on. */
bool verdict_xen(const struct image *image, char *why)
{
    const struct elf *elf = &image->elf;

    if (!is_pvh(image, why)) {
        return false;
    }
    if (elf->load_start % PAGE_BYTES != 0) {
        (void)snprintf(why, VERDICT_WHY_CAP,
                       "its first segment begins inside of a page (at 0x%" PRIx64 "): Xen's toolstack refuses it",
                       elf->load_start);
        return false;
    }
    return true;
}

/* QEMU rounds the length of a note's name up to p_align: with more than 4 it reads the entry from a wrong place. */
bool verdict_qemu(const struct image *image, char *why)
{
    const struct elf *elf = &image->elf;

    if (!is_pvh(image, why)) {
        return false;
    }
    if (elf->pvh_align > 4) {
        (void)snprintf(why, VERDICT_WHY_CAP,
                       "the PVH note's segment is aligned to %" PRIu64 " bytes: QEMU misreads it, 4 are needed",
                       elf->pvh_align);
        return false;
    }
    return true;
}

bool verdict_rust_vmm(const struct image *image, char *why)
{
    const struct elf *elf = &image->elf;

    if (!is_pvh(image, why)) {
        return false;
    }
    if (!elf->is_64) {
        (void)snprintf(why, VERDICT_WHY_CAP, "32-bit ELF: Firecracker and Cloud Hypervisor load only 64-bit ones");
    } else if (elf->entry < MIB) {
        (void)snprintf(why, VERDICT_WHY_CAP,
                       "e_entry 0x%" PRIx64 " is outside of the loaded segments, below 1 MiB (Firecracker and Cloud "
                       "Hypervisor check it)",
                       elf->entry);
    } else if (!elf->pvh_in_last_notes) {
        (void)snprintf(why, VERDICT_WHY_CAP,
                       "the PVH note is not in the last PT_NOTE segment: Firecracker and Cloud Hypervisor read only "
                       "that one");
    } else {
        return true;
    }
    return false;
}

bool verdict_process(const struct image *image, char *why)
{
    const struct elf *elf = &image->elf;
    size_t start;

    if (!is_x86_program(image, why)) {
        return false;
    }
    start = elf_find_virtual(elf, elf->entry);
    if (elf->has_pvh) {
        (void)snprintf(why, VERDICT_WHY_CAP, "it has a PVH note: it is made for a machine of its own");
    } else if (elf->type != ELF_TYPE_EXEC && elf->type != ELF_TYPE_DYN) {
        (void)snprintf(why, VERDICT_WHY_CAP, "it is not an executable");
    } else if (elf->type == ELF_TYPE_DYN && elf->entry == 0) {
        (void)snprintf(why, VERDICT_WHY_CAP, "it is a shared library: it has no entry");
    } else if (elf->type == ELF_TYPE_EXEC && elf_find_virtual(elf, LINUX_LOWEST_ADDRESS - 1) != elf->segment_count) {
        (void)snprintf(why, VERDICT_WHY_CAP, "it loads below 64 KiB, which Linux keeps free");
    } else if (start == elf->segment_count || (elf_segment(elf, start).flags & ELF_EXECUTE) == 0) {
        (void)snprintf(why, VERDICT_WHY_CAP, "its entry, 0x%" PRIx64 ", lies outside of the executable segments",
                       elf->entry);
    } else {
        return true;
    }
    return false;
}

/* What every ARM loader needs. */
static bool is_zimage(const struct image *image, char *why)
{
    if (image->format == IMAGE_CARD) {
        (void)snprintf(why, VERDICT_WHY_CAP, "it is an SD card: the zImage that it was made of boots here");
    } else if (image->format != IMAGE_ZIMAGE) {
        (void)snprintf(why, VERDICT_WHY_CAP, "it is an ELF file for %s: ARM needs a zImage",
                       elf_machine_name(image->elf.machine));
    } else if (image->zimage.order == ZIMAGE_BIG_ENDIAN) {
        (void)snprintf(why, VERDICT_WHY_CAP, "it is big-endian: no machine that Fata knows is");
    } else {
        return true;
    }
    return false;
}

/* What lies behind the counted bytes is not loaded, or not kept from being overwritten. */
static bool counts_all_bytes(const struct zimage *zimage, const char *loader, char *why)
{
    uint32_t counted = zimage->end - zimage->start;

    if (counted == zimage->len) {
        return true;
    }
    (void)snprintf(why, VERDICT_WHY_CAP,
                   "its header counts %" PRIu32 " bytes, and the file has %zu: %s takes only the former", counted,
                   zimage->len, loader);
    return false;
}

/* It looks at nothing of the header, loads the whole file at one address and starts its first word. */
bool verdict_qemu_arm(const struct image *image, char *why)
{
    if (!is_zimage(image, why)) {
        return false;
    }
    if (image->zimage.start != 0 && image->zimage.start != QEMU_ARM_LOAD_ADDRESS) {
        (void)snprintf(why, VERDICT_WHY_CAP,
                       "it is not position independent: it runs at 0x%" PRIx32 ", and QEMU loads it at 0x%" PRIx32,
                       image->zimage.start, QEMU_ARM_LOAD_ADDRESS);
        return false;
    }
    return true;
}

bool verdict_xen_arm(const struct image *image, char *why)
{
    if (!is_zimage(image, why)) {
        return false;
    }
    if (image->zimage.start != 0 && image->zimage.start < XEN_ARM_RAM) {
        (void)snprintf(why, VERDICT_WHY_CAP,
                       "it is not position independent: it runs at 0x%" PRIx32 ", below a guest's RAM",
                       image->zimage.start);
        return false;
    }
    return counts_all_bytes(&image->zimage, "Xen", why);
}

bool verdict_xen_any(const struct image *image, char *why)
{
    return image->format == IMAGE_ZIMAGE ? verdict_xen_arm(image, why) : verdict_xen(image, why);
}

bool verdict_bootz(const struct image *image, char *why)
{
    if (!is_zimage(image, why)) {
        return false;
    }
    if (image->zimage.start != 0) {
        (void)snprintf(why, VERDICT_WHY_CAP,
                       "it is not position independent: it runs at 0x%" PRIx32 ", and bootz starts it where it was "
                       "loaded", image->zimage.start);
        return false;
    }
    return counts_all_bytes(&image->zimage, "bootz", why);
}

const struct verdict verdicts[] = {
    {"Xen PVH", verdict_xen},
    {"QEMU microvm", verdict_qemu},
    {"QEMU q35", verdict_qemu},
    {"QEMU pc", verdict_qemu},
    {"Firecracker", verdict_rust_vmm},
    {"Cloud Hypervisor", verdict_rust_vmm},
    {"Linux process", verdict_process},
    {"QEMU virt (ARM)", verdict_qemu_arm},
    {"QEMU cubieboard", verdict_qemu_arm},
    {"QEMU bpim2u", verdict_qemu_arm},
    {"Xen on ARM", verdict_xen_arm},
    {"U-Boot bootz", verdict_bootz},
    {0},
};
