/* SPDX-License-Identifier: ISC */
/* Reading the records of a guest's console: see record.h. */
#include "record.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define EXIT_PREFIX "fata: exit "
#define ADDRESS_PREFIX "fata: at 0x"
#define FIRST_GUEST "1| "
#define STARTING "Starting kernel ..." /* U-Boot: arch/arm/lib/bootm.c */
#define NETWORK_MARK "] info  net: " /* as <fata/log.h> has it */

static bool read_exit(const char *digits, unsigned *exit_out)
{
    unsigned value = 0;
    size_t count = 0;

    for (; isdigit((unsigned char)digits[count]) && count < 3; count++) {
        value = value * 10 + (unsigned)(digits[count] - '0');
    }
    *exit_out = value;
    return count > 0 && digits[count] == '\0' && value <= 255;
}

static bool read_address(const char *digits, uint64_t *address_out)
{
    static const char hex[] = "0123456789abcdef";
    uint64_t value = 0;
    size_t count = 0;

    for (; isxdigit((unsigned char)digits[count]) && count < 17; count++) {
        const char *digit = strchr(hex, tolower((unsigned char)digits[count]));

        value = value << 4 | (uint64_t)(digit - hex);
    }
    *address_out = value;
    return count > 0 && count <= 16;
}

/* "[    0.151811] info  net: 10.0.2.15 on virtio-net (dhcp)"; of several guests, the first's lines begin with "1| ". */
static bool read_network(const char *line, uint32_t *address_out)
{
    size_t skip = strncmp(line, FIRST_GUEST, sizeof FIRST_GUEST - 1) == 0 ? sizeof FIRST_GUEST - 1 : 0;
    const char *at = line[skip] == '[' ? strstr(line, NETWORK_MARK) : NULL;
    unsigned part[4];
    int end = 0;

    if (at == NULL || sscanf(at + sizeof NETWORK_MARK - 1, "%3u.%3u.%3u.%3u on %n", &part[0], &part[1], &part[2],
                             &part[3], &end) != 4 || end == 0) {
        return false;
    }
    *address_out = 0;
    for (size_t i = 0; i < 4; i++) {
        if (part[i] > 255) {
            return false;
        }
        *address_out = *address_out << 8 | part[i];
    }
    return true;
}

static struct record parse(const char *line)
{
    struct record record = {.kind = RECORD_NONE};

    if (strncmp(line, EXIT_PREFIX, sizeof EXIT_PREFIX - 1) == 0) {
        if (read_exit(line + sizeof EXIT_PREFIX - 1, &record.exit)) {
            record.kind = RECORD_EXIT;
        }
    } else if (strncmp(line, ADDRESS_PREFIX, sizeof ADDRESS_PREFIX - 1) == 0) {
        if (read_address(line + sizeof ADDRESS_PREFIX - 1, &record.address)) {
            record.kind = RECORD_ADDRESS;
        }
    } else if (strcmp(line, STARTING) == 0) {
        record.kind = RECORD_STARTING;
    } else if (read_network(line, &record.network_address)) {
        record.kind = RECORD_NETWORK;
    }
    return record;
}

static struct record end_line(struct record_reader *reader)
{
    struct record record = {.kind = RECORD_NONE};

    while (reader->len > 0 && reader->line[reader->len - 1] == '\r') {
        reader->len--;
    }
    reader->line[reader->len] = '\0';
    if (!reader->too_long && strlen(reader->line) == reader->len) {
        record = parse(reader->line);
    }
    reader->len = 0;
    reader->too_long = false;
    return record;
}

size_t record_read(struct record_reader *reader, const char *bytes, size_t count, struct record *record_out)
{
    *record_out = (struct record){.kind = RECORD_NONE};
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] == '\r' && reader->len == 0) {
            continue;
        }
        reader->has_exit = false;
        if (bytes[i] == '\n') {
            *record_out = end_line(reader);
            reader->has_exit = record_out->kind == RECORD_EXIT;
            reader->exit = record_out->exit;
            return i + 1;
        }
        if (reader->len < RECORD_LINE_BYTES_MAX) {
            reader->line[reader->len++] = bytes[i];
        } else {
            reader->too_long = true;
        }
    }
    return count;
}
