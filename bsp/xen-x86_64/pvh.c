/* SPDX-License-Identifier: ISC */
/* Reads the PVH start_info: the memory map, the command line, the ACPI root pointer. */
#include "pvh.h"
#include <fata/panic.h>
#include <string.h>

#define START_INFO_MAGIC 0x336ec578u
#define MEMMAP_TYPE_RAM 1u

struct start_info {
    uint32_t magic;
    uint32_t version;
    uint32_t flags;
    uint32_t module_count;
    uint64_t module_list;
    uint64_t command_line;
    uint64_t rsdp;
    /* From version 1 on: */
    uint64_t memmap;
    uint32_t memmap_entries;
    uint32_t reserved;
};

struct memmap_entry {
    uint64_t address;
    uint64_t size;
    uint32_t type;
    uint32_t reserved;
};

x86_phys pvh_rsdp;
char pvh_command_line[FA_BOOT_TEXT_BYTES];

static void read_memmap(const struct start_info *info, pvh_boot *boot)
{
    if (info->version < 1 || info->memmap_entries == 0)
        fa_panic("the loader gives no memory map (PVH start_info version %u)",
                 (unsigned)info->version);
    const struct memmap_entry *entries = x86_virt_of((x86_phys){info->memmap});
    for (uint32_t i = 0; i < info->memmap_entries; i++) {
        const uint64_t start = entries[i].address;
        uint64_t end = start + entries[i].size;
        end = end > X86_RAM_END_MAX || end < start ? X86_RAM_END_MAX : end;
        if (entries[i].type == MEMMAP_TYPE_RAM)
            fa_ranges_add(&boot->ram, start, end);
    }
    /* Where entries overlap, the one that is no RAM holds; its ends are rounded outwards to pages. */
    for (uint32_t i = 0; i < info->memmap_entries; i++)
        if (entries[i].type != MEMMAP_TYPE_RAM && entries[i].size != 0 &&
            entries[i].size < X86_RAM_END_MAX && entries[i].address < X86_RAM_END_MAX)
            fa_ranges_cut(&boot->ram, entries[i].address & ~(uint64_t)(X86_PAGE_BYTES - 1),
                          (entries[i].address + entries[i].size + X86_PAGE_BYTES - 1) &
                              ~(uint64_t)(X86_PAGE_BYTES - 1));
}

static void read_command_line(const struct start_info *info)
{
    if (info->command_line == 0)
        return;
    const char *text = x86_virt_of((x86_phys){info->command_line});
    const size_t len = strnlen(text, sizeof pvh_command_line);
    if (len == sizeof pvh_command_line)
        fa_panic("the command line is longer than %zu bytes", sizeof pvh_command_line - 1);
    memcpy(pvh_command_line, text, len);
}

void pvh_read(uint32_t start_info, pvh_boot *boot_out)
{
    const struct start_info *info = x86_virt_of((x86_phys){start_info});
    if (info->magic != START_INFO_MAGIC)
        fa_panic("not started by a PVH loader: no start_info at 0x%x", (unsigned)start_info);
    read_memmap(info, boot_out);
    read_command_line(info);
    pvh_rsdp = (x86_phys){info->rsdp};
}
