/* SPDX-License-Identifier: ISC */
/*
 * The ELF reader: see elf.h. Every byte of the file is read through get(), which checks its bounds and gives 0 outside
 * of them; the checks of elf_parse() come before, so that an error has a name.
 */
#include "elf.h"

#include <string.h>

#define NOTE_COUNT_MAX 4096

enum { HEADER_32_BYTES = 52, HEADER_64_BYTES = 64 };
enum { SEGMENT_32_BYTES = 32, SEGMENT_64_BYTES = 56 };
enum { SECTION_32_BYTES = 40, SECTION_64_BYTES = 64 };
enum { NOTE_PHYS32_ENTRY = 18, NOTE_HEADER_BYTES = 12 };
enum { SEGMENT_COUNT_EXTENDED = 0xffff, SECTION_INDEX_EXTENDED = 0xffff };

/* True when `size` bytes at `offset` lie in the file. */
static bool inside(const struct elf *elf, uint64_t offset, uint64_t size)
{
    return offset <= elf->len && size <= elf->len - offset;
}

/* A little-endian integer of 1 to 8 bytes. */
static uint64_t get(const struct elf *elf, uint64_t offset, unsigned size)
{
    uint64_t value = 0;

    if (!inside(elf, offset, size)) {
        return 0;
    }
    for (unsigned i = size; i > 0; i--) {
        value = value << 8 | elf->bytes[offset + i - 1];
    }
    return value;
}

static uint16_t get16(const struct elf *elf, uint64_t offset)
{
    return (uint16_t)get(elf, offset, 2);
}

static uint32_t get32(const struct elf *elf, uint64_t offset)
{
    return (uint32_t)get(elf, offset, 4);
}

struct elf_segment elf_segment(const struct elf *elf, size_t index)
{
    struct elf_segment s;
    uint64_t at = elf->segments_offset + (uint64_t)index * (elf->is_64 ? SEGMENT_64_BYTES : SEGMENT_32_BYTES);

    s.type = get32(elf, at);
    if (elf->is_64) {
        s.flags = get32(elf, at + 4);
        s.offset = get(elf, at + 8, 8);
        s.virtual_address = get(elf, at + 16, 8);
        s.physical_address = get(elf, at + 24, 8);
        s.file_bytes = get(elf, at + 32, 8);
        s.memory_bytes = get(elf, at + 40, 8);
        s.align = get(elf, at + 48, 8);
    } else {
        s.offset = get32(elf, at + 4);
        s.virtual_address = get32(elf, at + 8);
        s.physical_address = get32(elf, at + 12);
        s.file_bytes = get32(elf, at + 16);
        s.memory_bytes = get32(elf, at + 20);
        s.flags = get32(elf, at + 24);
        s.align = get32(elf, at + 28);
    }
    return s;
}

/* The terminated string at `index` of the table of section names; "" if it is not there or not terminated. */
static const char *section_name(const struct elf *elf, uint64_t index)
{
    const uint8_t *start;

    if (index >= elf->names_bytes || !inside(elf, elf->names_offset, elf->names_bytes)) {
        return "";
    }
    start = elf->bytes + elf->names_offset + index;
    return memchr(start, '\0', (size_t)(elf->names_bytes - index)) != NULL ? (const char *)start : "";
}

struct elf_section elf_section(const struct elf *elf, size_t index)
{
    struct elf_section s;
    uint64_t at = elf->sections_offset + (uint64_t)index * (elf->is_64 ? SECTION_64_BYTES : SECTION_32_BYTES);

    s.name = section_name(elf, get32(elf, at));
    s.type = get32(elf, at + 4);
    if (elf->is_64) {
        s.flags = get(elf, at + 8, 8);
        s.address = get(elf, at + 16, 8);
        s.offset = get(elf, at + 24, 8);
        s.bytes = get(elf, at + 32, 8);
    } else {
        s.flags = get32(elf, at + 8);
        s.address = get32(elf, at + 12);
        s.offset = get32(elf, at + 16);
        s.bytes = get32(elf, at + 20);
    }
    return s;
}

static const char *check_header(struct elf *elf)
{
    unsigned header_bytes;
    unsigned segment_bytes;
    unsigned section_bytes;

    if (elf->len < 4 || memcmp(elf->bytes, "\177ELF", 4) != 0) {
        return "it is not an ELF file";
    }
    if (elf->len < 16) {
        return "it is cut off: it ends within the ELF header";
    }
    if (elf->bytes[4] != 1 && elf->bytes[4] != 2) {
        return "its ELF class is neither 32 nor 64 bits";
    }
    if (elf->bytes[5] != 1) {
        return elf->bytes[5] == 2 ? "it is big-endian: no machine that Fata knows is" : "its byte order is invalid";
    }
    elf->is_64 = elf->bytes[4] == 2;
    header_bytes = elf->is_64 ? HEADER_64_BYTES : HEADER_32_BYTES;
    if (elf->len < header_bytes) {
        return "it is cut off: it ends within the ELF header";
    }
    elf->type = get16(elf, 16);
    elf->machine = get16(elf, 18);
    elf->entry = elf->is_64 ? get(elf, 24, 8) : get32(elf, 24);
    elf->segments_offset = elf->is_64 ? get(elf, 32, 8) : get32(elf, 28);
    elf->sections_offset = elf->is_64 ? get(elf, 40, 8) : get32(elf, 32);
    elf->segment_count = get16(elf, header_bytes - 8);
    elf->section_count = get16(elf, header_bytes - 4);
    segment_bytes = elf->is_64 ? SEGMENT_64_BYTES : SEGMENT_32_BYTES;
    section_bytes = elf->is_64 ? SECTION_64_BYTES : SECTION_32_BYTES;
    if (elf->segment_count > 0 && get16(elf, header_bytes - 10) != segment_bytes) {
        return "its program headers have a wrong size";
    }
    if (elf->section_count > 0 && get16(elf, header_bytes - 6) != section_bytes) {
        return "its section headers have a wrong size";
    }
    if (elf->segment_count == SEGMENT_COUNT_EXTENDED || (elf->section_count == 0 && elf->sections_offset != 0)) {
        return "it has more segments or sections than an ELF header can count: this tool does not read such files";
    }
    return NULL;
}

static const char *check_segments(struct elf *elf)
{
    uint64_t table_bytes = (uint64_t)elf->segment_count * (elf->is_64 ? SEGMENT_64_BYTES : SEGMENT_32_BYTES);

    if (elf->segment_count > 0 && !inside(elf, elf->segments_offset, table_bytes)) {
        return "its program headers lie outside of the file (is it cut off?)";
    }
    for (size_t i = 0; i < elf->segment_count; i++) {
        struct elf_segment s = elf_segment(elf, i);

        if (s.file_bytes > 0 && !inside(elf, s.offset, s.file_bytes)) {
            return "a segment lies outside of the file (is it cut off?)";
        }
        elf->has_interpreter = elf->has_interpreter || s.type == ELF_SEGMENT_INTERP;
        if (s.type != ELF_SEGMENT_LOAD) {
            continue;
        }
        if (s.file_bytes > s.memory_bytes) {
            return "a segment is bigger in the file than in memory";
        }
        if (s.memory_bytes > UINT64_MAX - s.physical_address || s.memory_bytes > UINT64_MAX - s.virtual_address) {
            return "a segment's addresses wrap around";
        }
        if (s.memory_bytes == 0) {
            continue;
        }
        if (elf->load_count == 0 || s.physical_address < elf->load_start) {
            elf->load_start = s.physical_address;
        }
        if (s.physical_address + s.memory_bytes > elf->load_end) {
            elf->load_end = s.physical_address + s.memory_bytes;
        }
        elf->load_count++;
    }
    return NULL;
}

static const char *check_sections(struct elf *elf)
{
    size_t names_index = get16(elf, elf->is_64 ? HEADER_64_BYTES - 2 : HEADER_32_BYTES - 2);
    uint64_t table_bytes = (uint64_t)elf->section_count * (elf->is_64 ? SECTION_64_BYTES : SECTION_32_BYTES);

    if (elf->section_count > 0 && !inside(elf, elf->sections_offset, table_bytes)) {
        return "its section headers lie outside of the file (is it cut off?)";
    }
    if (elf->section_count == 0) {
        return NULL;
    }
    if (names_index >= elf->section_count || names_index == SECTION_INDEX_EXTENDED) {
        return "its table of section names does not exist";
    }
    for (size_t i = 0; i < elf->section_count; i++) {
        struct elf_section s = elf_section(elf, i);

        if (s.type != ELF_SECTION_NULL && s.type != ELF_SECTION_NOBITS && !inside(elf, s.offset, s.bytes)) {
            return "a section lies outside of the file (is it cut off?)";
        }
        elf->has_symbols = elf->has_symbols || s.type == ELF_SECTION_SYMBOLS;
        if (i == names_index && s.type != ELF_SECTION_NULL && s.type != ELF_SECTION_NOBITS) {
            elf->names_offset = s.offset;
            elf->names_bytes = s.bytes;
        }
    }
    return NULL;
}

static uint64_t rounded_up_4(uint32_t size)
{
    return ((uint64_t)size + 3) & ~(uint64_t)3;
}

/* Xen's notes are aligned to 4 bytes, whatever p_align says. True when the segment holds the note. */
static bool find_pvh(struct elf *elf, const struct elf_segment *segment)
{
    uint64_t at = segment->offset;
    uint64_t end = segment->offset + segment->file_bytes; /* inside the file: check_segments() */

    for (unsigned i = 0; i < NOTE_COUNT_MAX && end - at >= NOTE_HEADER_BYTES; i++) {
        uint32_t name_bytes = get32(elf, at);
        uint32_t value_bytes = get32(elf, at + 4);
        uint64_t value = at + NOTE_HEADER_BYTES + rounded_up_4(name_bytes);
        uint64_t next = value + rounded_up_4(value_bytes);

        if (get32(elf, at + 8) == NOTE_PHYS32_ENTRY && name_bytes == 4 && (value_bytes == 4 || value_bytes == 8) &&
            value + value_bytes <= end && memcmp(elf->bytes + at + NOTE_HEADER_BYTES, "Xen", 4) == 0) {
            elf->has_pvh = true;
            elf->pvh_entry = get(elf, value, value_bytes);
            elf->pvh_align = segment->align;
            return true;
        }
        if (next > end) {
            break;
        }
        at = next;
    }
    return false;
}

bool elf_parse(struct elf *elf, const uint8_t *bytes, size_t len, const char **why_out)
{
    const char *why;

    *elf = (struct elf){.bytes = bytes, .len = len};
    why = check_header(elf);
    if (why == NULL) {
        why = check_segments(elf);
    }
    if (why == NULL) {
        why = check_sections(elf);
    }
    for (size_t i = 0; why == NULL && i < elf->segment_count; i++) {
        struct elf_segment segment = elf_segment(elf, i);

        if (segment.type == ELF_SEGMENT_NOTE && segment.file_bytes > 0) {
            elf->pvh_in_last_notes = find_pvh(elf, &segment);
        }
    }
    *why_out = why;
    return why == NULL;
}

size_t elf_find_physical(const struct elf *elf, uint64_t address)
{
    size_t i = 0;

    for (; i < elf->segment_count; i++) {
        struct elf_segment s = elf_segment(elf, i);

        if (s.type == ELF_SEGMENT_LOAD && address >= s.physical_address &&
            address - s.physical_address < s.memory_bytes) {
            break;
        }
    }
    return i;
}

size_t elf_find_virtual(const struct elf *elf, uint64_t address)
{
    size_t i = 0;

    for (; i < elf->segment_count; i++) {
        struct elf_segment s = elf_segment(elf, i);

        if (s.type == ELF_SEGMENT_LOAD && address >= s.virtual_address &&
            address - s.virtual_address < s.memory_bytes) {
            break;
        }
    }
    return i;
}
