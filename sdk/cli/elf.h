/* SPDX-License-Identifier: ISC */
/*
 * Reads ELF files: what a loader looks at, and the section table. The bytes are untrusted and stay the caller's;
 * nothing is copied and no input or output happens here, so that it can be fuzzed. elf_parse() checks every table and
 * every entry of it once; after it the accessors cannot fail for an index below its count. Addresses and sizes are in
 * bytes.
 *
 *     struct elf elf;
 *     const char *why;
 *     if (!elf_parse(&elf, bytes, len, &why)) printf("%s\n", why);
 *     for (size_t i = 0; i < elf.segment_count; i++) use(elf_segment(&elf, i));
 */
#ifndef FATA_CLI_ELF_H
#define FATA_CLI_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* From the System V ABI, chapters 4 and 5. */
enum { ELF_TYPE_REL = 1, ELF_TYPE_EXEC = 2, ELF_TYPE_DYN = 3, ELF_TYPE_CORE = 4 };
enum { ELF_MACHINE_386 = 3, ELF_MACHINE_ARM = 40, ELF_MACHINE_X86_64 = 62, ELF_MACHINE_AARCH64 = 183 };
enum { ELF_SEGMENT_LOAD = 1, ELF_SEGMENT_INTERP = 3, ELF_SEGMENT_NOTE = 4 };
enum { ELF_EXECUTE = 1, ELF_WRITE = 2, ELF_READ = 4 };
enum { ELF_SECTION_NULL = 0, ELF_SECTION_SYMBOLS = 2, ELF_SECTION_NOBITS = 8 };
enum { ELF_SECTION_WRITE = 1, ELF_SECTION_ALLOC = 2, ELF_SECTION_EXECUTE = 4 };

struct elf_segment {
    uint32_t type;
    uint32_t flags;
    uint64_t offset;
    uint64_t virtual_address;
    uint64_t physical_address;
    uint64_t file_bytes;
    uint64_t memory_bytes;
    uint64_t align;
};

struct elf_section {
    const char *name; /* inside the file's bytes, terminated there; any bytes may be in it */
    uint32_t type;
    uint64_t flags;
    uint64_t address;
    uint64_t offset;
    uint64_t bytes;
};

struct elf {
    const uint8_t *bytes;
    size_t len;
    bool is_64;
    uint16_t type;
    uint16_t machine;
    uint64_t entry;
    size_t segment_count;
    size_t section_count;
    bool has_interpreter;
    bool has_symbols;

    /* Over the PT_LOAD segments, by physical address; load_end is one past the last byte. No such segment: all 0. */
    size_t load_count;
    uint64_t load_start;
    uint64_t load_end;

    /* The Xen note of type 18 (PHYS32_ENTRY) in a PT_NOTE segment. */
    bool has_pvh;
    bool pvh_in_last_notes; /* in the last PT_NOTE segment */
    uint64_t pvh_entry;
    uint64_t pvh_align; /* p_align of that segment */

    /* Private: where the tables are. */
    uint64_t segments_offset;
    uint64_t sections_offset;
    uint64_t names_offset;
    uint64_t names_bytes;
};

bool elf_parse(struct elf *elf, const uint8_t *bytes, size_t len, const char **why_out);
struct elf_segment elf_segment(const struct elf *elf, size_t index);
struct elf_section elf_section(const struct elf *elf, size_t index);

/* The PT_LOAD segment whose physical, or virtual, addresses hold `address`; its index, or segment_count. */
size_t elf_find_physical(const struct elf *elf, uint64_t address);
size_t elf_find_virtual(const struct elf *elf, uint64_t address);

#endif
