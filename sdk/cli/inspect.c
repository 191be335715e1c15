/* SPDX-License-Identifier: ISC */
/* `fata inspect IMAGE`: what a file is, how it is laid out, and what it boots on, or why it does not. */
#include "cli.h"

#include "beside.h"
#include "files.h"
#include "inspect_card.h"
#include "json.h"
#include "text.h"
#include "verdict.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { OPTION_JSON = 1 };

static const struct cli_option options[] = {
    {OPTION_JSON, "--json", NULL, "print JSON"},
    {0},
};

static const char details[] =
    "Says what IMAGE is, and which machines it boots on, or why not. Of an ELF file, whether it has the PVH note that\n"
    "hypervisors enter it by, where it loads, whether any memory is both writable and executable (W^X), and how big its\n"
    "sections are. Of a zImage, the format of ARM boards, where it runs and whether its header counts its bytes rightly.\n"
    "Of an SD card (an image of it, or the card itself in this host's reader): its partitions, the SPL and U-Boot that stand\n"
    "before them and whether their checksums are right, the files, and the program's options.\n"
    "Xen's `xl create` starts what stands as \"Xen PVH\" or \"Xen on ARM\".\n\n"
    "Exit status: 0 if it boots on something, 1 if it does not or cannot be read, 2 for wrong usage.\n";

/* The first segment that is both writable and executable; segment_count if there is none. */
static size_t find_writable_code(const struct elf *elf)
{
    size_t i = 0;

    for (; i < elf->segment_count; i++) {
        struct elf_segment s = elf_segment(elf, i);

        if (s.type == ELF_SEGMENT_LOAD && (s.flags & ELF_WRITE) != 0 && (s.flags & ELF_EXECUTE) != 0) {
            break;
        }
    }
    return i;
}

static const char *section_use(const struct elf_section *section)
{
    if ((section->flags & ELF_SECTION_ALLOC) == 0) {
        return "not loaded";
    }
    if ((section->flags & ELF_SECTION_EXECUTE) != 0) {
        return (section->flags & ELF_SECTION_WRITE) != 0 ? "writable code" : "code";
    }
    if (section->type == ELF_SECTION_NOBITS) {
        return "zeroed";
    }
    return (section->flags & ELF_SECTION_WRITE) != 0 ? "data" : "read-only";
}

static const char *segment_rights(const struct elf_segment *segment)
{
    static const char *const rights[] = {"---", "--x", "-w-", "-wx", "r--", "r-x", "rw-", "rwx"};

    return rights[segment->flags & (ELF_READ | ELF_WRITE | ELF_EXECUTE)];
}

/* A stranger's file chose the name: nothing of it may reach the terminal as a command. */
static void print_name(const char *name)
{
    int column = 0;

    for (; name[column] != '\0' && column < 24; column++) {
        bool plain = isascii((unsigned char)name[column]) && isprint((unsigned char)name[column]);

        (void)putchar(plain ? name[column] : '?');
    }
    printf("%*s", 24 - column, "");
}

static void print_layout(const struct elf *elf)
{
    size_t bad = find_writable_code(elf);

    printf("  size      %zu bytes, %s\n", elf->len, elf->has_symbols ? "with symbols" : "stripped");
    printf("  e_entry   0x%" PRIx64 "\n", elf->entry);
    if (elf->has_pvh) {
        printf("  PVH note  entry at 0x%" PRIx64 "\n", elf->pvh_entry);
    } else {
        printf("  PVH note  none\n");
    }
    if (elf->load_count > 0) {
        printf("  memory    0x%" PRIx64 " to 0x%" PRIx64 ": %" PRIu64 " bytes\n", elf->load_start, elf->load_end,
               elf->load_end - elf->load_start);
    } else {
        printf("  memory    nothing is loaded\n");
    }
    if (bad == elf->segment_count) {
        printf("  W^X       kept: no segment is both writable and executable\n");
    } else {
        printf("  W^X       broken: segment %zu is both writable and executable\n", bad);
    }
}

static void print_tables(const struct elf *elf)
{
    for (size_t i = 0, shown = 0; i < elf->segment_count; i++) {
        struct elf_segment s = elf_segment(elf, i);

        if (s.type == ELF_SEGMENT_LOAD) {
            printf("%s  %-24zu  %-3s  0x%016" PRIx64 "  %10" PRIu64 "\n",
                   shown++ == 0 ? "\n  segment                   may  loads at               bytes\n" : "", i,
                   segment_rights(&s), s.physical_address, s.memory_bytes);
        }
    }
    for (size_t i = 0, shown = 0; i < elf->section_count; i++) {
        struct elf_section s = elf_section(elf, i);

        if (s.type != ELF_SECTION_NULL) {
            printf("%s  ", shown++ == 0 ? "\n  section                        address                 bytes\n" : "");
            print_name(s.name);
            printf("       0x%016" PRIx64 "  %10" PRIu64 "  %s\n", s.address, s.bytes, section_use(&s));
        }
    }
}

static void print_elf(const struct elf *elf, const char *path)
{
    printf("%s: ELF, %d-bit, %s, %s\n", path, elf->is_64 ? 64 : 32, elf_machine_name(elf->machine),
           elf_type_name(elf->type));
    print_layout(elf);
    print_tables(elf);
}

static const char *zimage_order_name(const struct zimage *zimage)
{
    static const char *const names[] = {
        [ZIMAGE_ORDER_UNKNOWN] = "not said", [ZIMAGE_LITTLE_ENDIAN] = "little-endian", [ZIMAGE_BIG_ENDIAN] = "big-endian"};

    return names[zimage->order];
}

static void print_zimage(const struct zimage *zimage, const char *path)
{
    uint32_t counted = zimage->end - zimage->start;

    printf("%s: zImage, %s\n", path, elf_machine_name(ELF_MACHINE_ARM));
    printf("  header    magic 0x%" PRIx32 ", start 0x%" PRIx32 ", end 0x%" PRIx32 "\n", ZIMAGE_MAGIC, zimage->start,
           zimage->end);
    printf("  size      %zu bytes, %s\n", zimage->len,
           counted == zimage->len ? "as its header says" : text_format("of which its header counts %" PRIu32, counted));
    if (zimage->start == 0) {
        printf("  runs at   any address: it is position independent\n");
    } else {
        printf("  runs at   0x%" PRIx32 " only\n", zimage->start);
    }
    printf("  bytes     %s\n", zimage_order_name(zimage));
}

static const struct verdict *verdicts_of(const struct image *image)
{
    return image->format == IMAGE_CARD ? verdicts_card : verdicts;
}

/* Returns how many machines boot it. `made` is the image that was made of this file, or NULL. */
static size_t print_text(const struct image *image, const char *path, const char *made)
{
    size_t count = 0;

    if (image->format == IMAGE_ELF) {
        print_elf(&image->elf, path);
    } else if (image->format == IMAGE_ZIMAGE) {
        print_zimage(&image->zimage, path);
    } else {
        inspect_print_card(&image->card, path);
    }
    if (made != NULL) {
        printf("\n  This file is for debuggers; what boots was made of it: %s\n", made);
    }
    printf("\n  machine           boots\n");
    for (const struct verdict *verdict = verdicts_of(image); verdict->machine != NULL; verdict++) {
        char why[VERDICT_WHY_CAP];
        bool boots = verdict->boots(image, why);

        printf("  %-16s  %s%s\n", verdict->machine, boots ? "yes" : "no: ", boots ? "" : why);
        count += boots ? 1 : 0;
    }
    return count;
}

static void json_tables(struct json *json, const struct elf *elf)
{
    json_open(json, "segments", '[');
    for (size_t i = 0; i < elf->segment_count; i++) {
        struct elf_segment s = elf_segment(elf, i);

        if (s.type == ELF_SEGMENT_LOAD) {
            json_open(json, NULL, '{');
            json_number(json, "index", i);
            json_text(json, "rights", segment_rights(&s));
            json_address(json, "address", s.physical_address);
            json_number(json, "file_bytes", s.file_bytes);
            json_number(json, "memory_bytes", s.memory_bytes);
            json_close(json, '}');
        }
    }
    json_close(json, ']');
    json_open(json, "sections", '[');
    for (size_t i = 0; i < elf->section_count; i++) {
        struct elf_section s = elf_section(elf, i);

        if (s.type != ELF_SECTION_NULL) {
            json_open(json, NULL, '{');
            json_text(json, "name", s.name);
            json_address(json, "address", s.address);
            json_number(json, "bytes", s.bytes);
            json_text(json, "use", section_use(&s));
            json_close(json, '}');
        }
    }
    json_close(json, ']');
}

static void json_elf(struct json *json, const struct elf *elf)
{
    json_text(json, "format", "ELF");
    json_number(json, "bits", elf->is_64 ? 64 : 32);
    json_text(json, "machine", elf_machine_name(elf->machine));
    json_text(json, "type", elf_type_name(elf->type));
    json_number(json, "file_bytes", elf->len);
    json_bool(json, "stripped", !elf->has_symbols);
    json_address(json, "entry", elf->entry);
    if (elf->has_pvh) {
        json_address(json, "pvh_entry", elf->pvh_entry);
    } else {
        json_text(json, "pvh_entry", NULL);
    }
    json_address(json, "load_start", elf->load_start);
    json_address(json, "load_end", elf->load_end);
    json_number(json, "memory_bytes", elf->load_end - elf->load_start);
    json_bool(json, "write_xor_execute", find_writable_code(elf) == elf->segment_count);
    json_tables(json, elf);
}

static void json_zimage(struct json *json, const struct zimage *zimage)
{
    json_text(json, "format", "zImage");
    json_number(json, "bits", 32);
    json_text(json, "machine", elf_machine_name(ELF_MACHINE_ARM));
    json_number(json, "file_bytes", zimage->len);
    json_number(json, "header_bytes", zimage->end - zimage->start);
    json_bool(json, "position_independent", zimage->start == 0);
    json_address(json, "start", zimage->start);
    json_address(json, "end", zimage->end);
    json_text(json, "byte_order", zimage_order_name(zimage));
}

static size_t print_json(const struct image *image, const char *path, const char *made)
{
    struct json json = {0};
    size_t count = 0;

    json_open(&json, NULL, '{');
    json_text(&json, "file", path);
    if (image->format == IMAGE_ELF) {
        json_elf(&json, &image->elf);
    } else if (image->format == IMAGE_ZIMAGE) {
        json_zimage(&json, &image->zimage);
    } else {
        inspect_json_card(&json, &image->card);
    }
    json_text(&json, "image", made);
    json_open(&json, "machines", '[');
    for (const struct verdict *verdict = verdicts_of(image); verdict->machine != NULL; verdict++) {
        char why[VERDICT_WHY_CAP];
        bool boots = verdict->boots(image, why);

        json_open(&json, NULL, '{');
        json_text(&json, "name", verdict->machine);
        json_bool(&json, "boots", boots);
        json_text(&json, "reason", boots ? NULL : why);
        json_close(&json, '}');
        count += boots ? 1 : 0;
    }
    json_close(&json, ']');
    json_close(&json, '}');
    return count;
}

static int run(const struct cli_command *command, int argc, char **argv)
{
    struct cli_walk walk = cli_walk_start(command, argc, argv);
    struct text bytes = {0};
    struct image image;
    const char *path = NULL;
    const char *why;
    bool as_json = false;
    size_t boots;

    for (int id; (id = cli_next(&walk)) != CLI_END;) {
        if (id == OPTION_JSON) {
            as_json = true;
        } else if (id == CLI_POSITIONAL && path == NULL) {
            path = walk.value;
        } else {
            cli_unexpected(&walk);
        }
    }
    if (path == NULL) {
        cli_usage("which image? fata inspect IMAGE");
    }
    if (!file_map(path, &bytes, &why)) {
        cli_fail("cannot read %s: %s", path, why);
    }
    if (!image_parse(&image, (const uint8_t *)bytes.bytes, bytes.len, &why)) {
        if (image.format == IMAGE_UNKNOWN) {
            cli_fail("%s: it is in no format that this tool knows (" IMAGE_FORMATS ")", path);
        }
        cli_fail("%s: %s", path, why);
    }
    boots = (as_json ? print_json : print_text)(&image, path, beside_zimage(&image, path));
    return cli_flush() && boots > 0 ? CLI_OK : CLI_FAILED;
}

const struct cli_command command_inspect = {
    .name = "inspect",
    .synopsis = "IMAGE|CARD [--json]",
    .summary = "Says what an image is and which machines it boots on, or why it does not",
    .details = details,
    .options = options,
    .usage_status = CLI_BAD_USAGE,
    .failure_status = CLI_FAILED,
    .run = run,
};
